//! Guess budgets over time, as one picture: both axes logarithmic, a step at each guess.

use std::fmt::Write;

use headlock_analysis::{Budget, Reach};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 300.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;
/// From ten seconds to fifty years, in decades of seconds.
const FROM: f64 = 1.0;
const TO: f64 = 9.2;
/// Up to ten thousand guesses.
const MOST: f64 = 4.0;
const STEPS: u32 = 240;
const TICKS: [(&str, f64); 7] = [
    ("1 min", 60.0),
    ("1 h", 3_600.0),
    ("1 day", 86_400.0),
    ("30 days", 2_592_000.0),
    ("1 year", 31_536_000.0),
    ("10 years", 315_360_000.0),
    ("", 1e9),
];
const COLOURS: [&str; 8] = ["#1b6ac9", "#c9571b", "#1b9c58", "#a01bc9", "#b8860b", "#0f8b8d", "#c91b52", "#5b5bd6"];

/// The picture; of the lines the first `own` are what was asked for, the others stand beside them, dashed.
pub(super) fn svg(lines: &[(String, Budget)], own: usize) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Guesses over time\">\n\
         <style>text{{font:13px sans-serif;fill:#222}}.axis{{stroke:#888;fill:none}}.grid{{stroke:#8883;fill:none}}\
         @media(prefers-color-scheme:dark){{text{{fill:#ddd}}}}</style>\n\
         <text x=\"{LEFT}\" y=\"18\">Guesses that can have been made, plugs pulled at will</text>\n"
    );
    for (name, seconds) in TICKS {
        let x = at(seconds);
        let _ = write!(out, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{:.1}\"/>", HEIGHT - BOTTOM);
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            HEIGHT - BOTTOM + 20.0
        );
    }
    for power in 0..=4_u32 {
        let guesses = 10_u64.pow(power);
        let y = height(guesses);
        let _ = write!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/>", WIDTH - RIGHT);
        let _ =
            writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{guesses}</text>", LEFT - 8.0, y + 4.0);
    }
    for (index, (name, budget)) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let dash = if index < own { "" } else { " stroke-dasharray=\"5 4\"" };
        let _ = writeln!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}><title>{}</title></path>",
            path(budget),
            escaped(name)
        );
        let y = TOP + 14.0 + 17.0 * f64::from(u32::try_from(index).unwrap_or(u32::MAX));
        if y < HEIGHT {
            let x = WIDTH - RIGHT + 20.0;
            let _ = write!(out, "<path d=\"M{x} {:.1}h22\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>", y - 4.0);
            let _ = writeln!(out, "<text x=\"{:.1}\" y=\"{y:.1}\">{}</text>", x + 28.0, escaped(name));
        }
    }
    out.push_str("</svg>\n");
    out
}

fn path(budget: &Budget) -> String {
    let mut out = String::new();
    for step in 0..=STEPS {
        let decade = FROM + (TO - FROM) * f64::from(step) / f64::from(STEPS);
        let seconds = 10_f64.powf(decade);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousand years at most")]
        let ms = (seconds * 1_000.0) as u64;
        let guesses = match budget.guesses_by(ms) {
            Reach::Guesses(guesses) => guesses,
            Reach::Unlimited => u64::MAX,
        };
        let (x, y) = (at(seconds), height(guesses));
        let _ = if step == 0 { write!(out, "M{x:.1} {y:.1}") } else { write!(out, "H{x:.1}V{y:.1}") };
    }
    out
}

fn at(seconds: f64) -> f64 {
    LEFT + (seconds.log10() - FROM) / (TO - FROM) * (WIDTH - LEFT - RIGHT)
}

#[expect(clippy::cast_precision_loss, reason = "a picture")]
fn height(guesses: u64) -> f64 {
    let share = ((guesses.max(1) as f64).log10() / MOST).min(1.0);
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
