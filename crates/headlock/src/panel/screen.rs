//! The panel on a screen: display, keys, switches, a clock that can be sped up.

use std::time::{Duration, Instant};

use headlock_lock::Ignition;
use headlock_twin::{Input, Supply};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Alignment, Constraint, Layout};
use ratatui::style::{Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};
use ratatui::{DefaultTerminal, Frame};

use super::plain::{clock, happen, lock_words, words};
use crate::failure::Failure;
use crate::script::Running;

const SPEEDS: [u32; 7] = [1, 10, 60, 600, 3_600, 21_600, 86_400];
const TICK: Duration = Duration::from_millis(50);
const LOG_LINES: usize = 200;

/// Runs until the user leaves.
///
/// # Errors
/// The terminal cannot be used.
pub fn run(running: Running, speed: u32) -> Result<(), Failure> {
    let mut terminal = ratatui::try_init()
        .map_err(|why| Failure::input(format!("this terminal cannot be used: {why}"), "--plain works everywhere"))?;
    let result = watch(&mut terminal, &mut App::new(running, speed));
    ratatui::restore();
    result.map_err(|why| Failure::input(format!("the terminal is gone: {why}"), "--plain works everywhere"))
}

fn watch(terminal: &mut DefaultTerminal, app: &mut App) -> std::io::Result<()> {
    let mut last = Instant::now();
    while !app.done {
        terminal.draw(|frame| app.draw(frame))?;
        if event::poll(TICK)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
        {
            let ctrl_c = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
            if ctrl_c {
                return Ok(());
            }
            app.key(key.code);
        }
        let now = Instant::now();
        app.pass(now - last);
        last = now;
    }
    Ok(())
}

/// What the screen shows and remembers.
#[derive(Debug)]
pub struct App {
    running: Running,
    speed: u32,
    paused: bool,
    /// Milliseconds of the twin's clock that are not whole yet.
    owed_ms: f64,
    /// The next key goes down and stays.
    holding: bool,
    held: Vec<String>,
    command: Option<String>,
    log: Vec<String>,
    ignition: Ignition,
    supplied: bool,
    done: bool,
}

impl App {
    /// A panel before anything was touched.
    pub fn new(running: Running, speed: u32) -> Self {
        Self {
            running,
            speed,
            paused: false,
            owed_ms: 0.0,
            holding: false,
            held: Vec::new(),
            command: None,
            log: Vec::new(),
            ignition: Ignition::Off,
            supplied: true,
            done: false,
        }
    }

    /// Lets real time pass.
    pub fn pass(&mut self, real: Duration) {
        if self.paused || self.command.is_some() {
            return;
        }
        self.owed_ms += real.as_secs_f64() * 1000.0 * f64::from(self.speed);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "never negative, and cut to whole milliseconds"
        )]
        let whole = self.owed_ms as u64;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let spent = whole as f64;
        self.owed_ms -= spent;
        let at = self.running.twin.now_ms() + whole;
        let records = self.running.twin.apply(at, Input::Tick).iter().filter_map(words).collect::<Vec<_>>();
        self.note(records);
    }

    /// A key of the terminal.
    pub fn key(&mut self, code: KeyCode) {
        if let Some(command) = &mut self.command {
            match code {
                KeyCode::Enter => {
                    let line = self.command.take().unwrap_or_default();
                    let mut answers = happen(&mut self.running, &line);
                    // The status at the end stands on the screen already.
                    if answers.last().is_some_and(|last| !last.starts_with('?')) {
                        answers.pop();
                    }
                    self.log.push(format!(": {line}"));
                    self.note(answers);
                }
                KeyCode::Esc => self.command = None,
                KeyCode::Backspace => {
                    command.pop();
                }
                KeyCode::Char(c) => command.push(c),
                _ => {}
            }
            return;
        }
        match code {
            KeyCode::Esc => self.done = true,
            KeyCode::Tab => self.turn_ignition(),
            KeyCode::F(2) => self.switch_supply(),
            KeyCode::F(3) => self.holding = !self.holding,
            KeyCode::Char('+') => self.speed = SPEEDS.iter().copied().find(|s| *s > self.speed).unwrap_or(self.speed),
            KeyCode::Char('-') => {
                self.speed = SPEEDS.iter().rev().copied().find(|s| *s < self.speed).unwrap_or(self.speed);
            }
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Char(':') => self.command = Some(String::new()),
            KeyCode::Char(c) => match self.bound(c) {
                Some(name) => self.panel_key(&name),
                None => self.note([format!("this panel has no key {c}")]),
            },
            _ => {}
        }
    }

    fn turn_ignition(&mut self) {
        self.ignition = match self.ignition {
            Ignition::Off => Ignition::Acc,
            Ignition::Acc => Ignition::On,
            Ignition::On => Ignition::Engine,
            Ignition::Engine => Ignition::Off,
        };
        self.apply(Input::Ignition(self.ignition));
    }

    fn switch_supply(&mut self) {
        self.supplied = !self.supplied;
        self.apply(Input::Supply(if self.supplied { Supply::Restored } else { Supply::Cut }));
    }

    fn apply(&mut self, input: Input) {
        let now = self.running.twin.now_ms();
        let records = self.running.twin.apply(now, input).iter().filter_map(words).collect::<Vec<_>>();
        self.note(records);
    }

    /// Presses a key of the panel, or, in hold mode, puts it down and later lets it up.
    fn panel_key(&mut self, name: &str) {
        if self.holding || self.held.iter().any(|held| held == name) {
            let down = !self.held.iter().any(|held| held == name);
            if down {
                self.held.push(name.to_owned());
            } else {
                self.held.retain(|held| held != name);
            }
            let records = happen(&mut self.running, &format!("{} {name}", if down { "keydown" } else { "keyup" }));
            self.note(records.into_iter().filter(|line| line.starts_with(' ')));
            self.holding = false;
        } else {
            let before = self.running.twin.view();
            let records = happen(&mut self.running, &format!("press {name}"));
            let told: Vec<String> = records.into_iter().filter(|line| line.starts_with([' ', '?'])).collect();
            if told.is_empty() && self.running.twin.view() == before {
                let why = if before.on {
                    "nothing happens, with the ignition so and the unit as it stands"
                } else {
                    "nothing happens: the unit is off"
                };
                self.note([format!("{name}: {why}")]);
            }
            self.note(told);
        }
    }

    fn note(&mut self, lines: impl IntoIterator<Item = String>) {
        let stamp = clock(self.running.twin.now_ms());
        self.log.extend(lines.into_iter().map(|line| format!("{stamp} {}", line.trim_start())));
        let excess = self.log.len().saturating_sub(LOG_LINES);
        self.log.drain(..excess);
    }

    /// Each key of the panel and the character that presses it: its own if it is one, else a letter.
    fn bindings(&self) -> Vec<(char, String)> {
        let mut letters = ('a'..='z').chain('A'..='Z');
        let names = self.running.twin.spec().keys();
        let own: Vec<char> =
            names.iter().filter(|name| name.chars().count() == 1).filter_map(|name| name.chars().next()).collect();
        names
            .iter()
            .filter_map(|name| {
                let mut chars = name.chars();
                let binding = match (chars.next(), chars.next()) {
                    (Some(c), None) if c.is_alphanumeric() => c,
                    _ => letters.find(|letter| !own.contains(letter))?,
                };
                Some((binding, name.clone()))
            })
            .collect()
    }

    fn bound(&self, c: char) -> Option<String> {
        self.bindings().into_iter().find(|(binding, _)| *binding == c).map(|(_, name)| name)
    }

    /// Draws everything.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        let [title, display, keys, state, log, help] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(5),
            Constraint::Length(5),
            Constraint::Length(5),
            Constraint::Min(3),
            Constraint::Length(2),
        ])
        .areas(frame.area());
        let view = self.running.twin.view();
        frame.render_widget(Line::from(self.running.label.clone()).bold(), title);
        let text = Paragraph::new(vec![Line::from(""), Line::from(view.display.clone()).bold()])
            .alignment(Alignment::Center)
            .block(Block::bordered().title(if view.on { " display " } else { " display, off " }));
        frame.render_widget(text, display);
        frame.render_widget(
            Paragraph::new(self.key_row()).wrap(Wrap { trim: true }).block(Block::bordered().title(" keys ")),
            keys,
        );
        frame.render_widget(Paragraph::new(self.state_lines()).block(Block::bordered().title(" unit and car ")), state);
        let height = usize::from(log.height.saturating_sub(2));
        let tail = self.log.iter().skip(self.log.len().saturating_sub(height)).map(|line| Line::from(line.clone()));
        frame.render_widget(
            Paragraph::new(tail.collect::<Vec<_>>()).block(Block::bordered().title(" what happened ")),
            log,
        );
        let bottom = self.command.as_ref().map_or_else(
            || {
                vec![
                    Line::from(
                        "Tab ignition  F2 supply  F3 hold the next key (again: let it up)  + - speed  Space pause",
                    ),
                    Line::from(": any event of docs/scripts.md, like `hold 1+6 for 5s` or `wait 1h`  Esc leaves"),
                ]
            },
            |command| vec![Line::from(format!(": {command}_")), Line::from("Enter does it, Esc drops it")],
        );
        frame.render_widget(Paragraph::new(bottom), help);
    }

    fn key_row(&self) -> Line<'static> {
        let mut spans = Vec::new();
        for (binding, name) in self.bindings() {
            let held = self.held.contains(&name);
            let style = if held { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
            let label = if name.chars().eq([binding]) { format!("[{name}]") } else { format!("[{binding}: {name}]") };
            spans.push(Span::styled(label, style));
            spans.push(Span::raw(" "));
        }
        if self.holding {
            spans.push(Span::raw("(the next key stays down)"));
        }
        Line::from(spans)
    }

    fn state_lines(&self) -> Vec<Line<'static>> {
        let view = self.running.twin.view();
        let ignition = match self.ignition {
            Ignition::Off => "off",
            Ignition::Acc => "acc",
            Ignition::On => "on",
            Ignition::Engine => "engine",
        };
        let on_off = |on: bool| if on { "on" } else { "off" };
        vec![
            Line::from(format!("lock: {}", lock_words(&view))),
            Line::from(format!(
                "ignition {ignition}   supply {}   audio {}   navigation {}",
                on_off(self.supplied),
                on_off(view.audio),
                on_off(view.navigation)
            )),
            Line::from(format!(
                "clock {}   speed x{}{}",
                clock(self.running.twin.now_ms()),
                self.speed,
                if self.paused { "   paused" } else { "" }
            )),
        ]
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::script::{Hidden, Start, UnitRow};
    use crate::store::Texts;

    fn app() -> App {
        let toml = include_str!("../../../../tests/catalog/units/plain.toml");
        let texts = Texts::load(&[]).unwrap().with("plain.toml", toml);
        let row = UnitRow {
            id: "plain/panel".to_owned(),
            codes: vec![Hidden::new("1234")],
            locked: true,
            ..UnitRow::default()
        };
        let running = Start { row, with: Vec::new() }.start(&texts, &texts.catalog().unwrap()).unwrap().remove(0);
        App::new(running, 1)
    }

    fn shown(app: &App) -> String {
        let mut terminal = Terminal::new(TestBackend::new(90, 26)).unwrap();
        terminal.draw(|frame| app.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_code_is_typed_and_the_display_follows() {
        let mut app = app();
        app.key(KeyCode::Tab);
        assert!(shown(&app).contains("CODE"), "{}", shown(&app));
        for c in ['1', '2', '3', '4'] {
            app.key(KeyCode::Char(c));
        }
        let after = shown(&app);
        assert!(after.contains("RADIO") && after.contains("audio on"), "{after}");
    }

    #[test]
    fn the_clock_runs_as_fast_as_it_is_told_and_stands_when_paused() {
        let mut app = app();
        app.key(KeyCode::Char('+'));
        app.pass(Duration::from_secs(1));
        assert_eq!(app.running.twin.now_ms(), 10_000);
        app.key(KeyCode::Char(' '));
        app.pass(Duration::from_secs(1));
        assert_eq!(app.running.twin.now_ms(), 10_000);
    }

    #[test]
    fn a_key_is_held_until_it_is_let_up_and_a_command_is_any_event() {
        let mut app = app();
        app.key(KeyCode::Tab);
        app.key(KeyCode::F(3));
        app.key(KeyCode::Char('1'));
        assert_eq!(app.held, ["1"]);
        app.key(KeyCode::Char('1'));
        assert!(app.held.is_empty());
        for c in ":supply cut 1h".chars() {
            app.key(KeyCode::Char(c));
        }
        app.key(KeyCode::Enter);
        assert!(shown(&app).contains("the supply is gone"), "{}", shown(&app));
        app.key(KeyCode::Esc);
        assert!(app.done);
    }
}
