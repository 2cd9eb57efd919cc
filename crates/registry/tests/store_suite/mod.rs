//! What every store promises, asked of each in the same words.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod histories;
pub(crate) mod model;
pub(crate) mod promises;
pub(crate) mod random;
pub(crate) mod tables;

use std::sync::atomic::{AtomicBool, Ordering};

use headlock_registry::store::{Migrations, Store, StoreError};

/// A place for one store, empty at first; opened as often as one likes.
pub(crate) type Place = Box<dyn Fn(Migrations) -> Result<Box<dyn Store>, StoreError> + Send + Sync>;

/// Tells another thread to end, also when the test fails.
pub(crate) struct End<'a>(pub(crate) &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The suite over a function that makes places.
#[macro_export]
macro_rules! store_suite {
    ($place:expr, histories: $histories:expr) => {
        #[test]
        fn random_histories_are_those_of_the_model() {
            $crate::store_suite::histories::agree_with_the_model(&$place, $histories, 80);
        }
        $crate::store_suite!(@each $place,
            an_empty_store_stands_at_nothing,
            a_lost_answer_is_given_again,
            a_batch_is_remembered_for_a_thousand_others,
            two_writers_never_decide_on_the_same_standing,
            many_may_open_an_empty_place_at_once,
            a_reader_sees_one_moment,
            a_moment_stands_still_while_others_write_and_is_soon_let_go_of,
            what_does_not_fit_its_table_changes_nothing,
            what_does_not_fit_its_table_is_not_read,
            leaves_that_lead_elsewhere_are_refused,
            a_whole_table_is_read_in_pages,
            large_values_come_back,
            a_bulk_of_rows_and_leaves_comes_back,
            an_older_schema_is_brought_up_to_date,
            a_newer_schema_is_refused,
            a_schema_that_cannot_be_is_refused,
        );
    };
    (@each $place:expr, $($promise:ident),* $(,)?) => {
        $(#[test]
        fn $promise() {
            $crate::store_suite::promises::$promise(&$place);
        })*
    };
}
