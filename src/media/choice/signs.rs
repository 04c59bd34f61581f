//! What shows that a line is too weak for what goes to it. Pure: time comes in.

use super::held::Held;
use super::seat::Seat;
use std::time::{Duration, Instant};

/// The line carries less than this part of what goes to it, for so long.
const WEAK: (f64, Duration) = (0.95, Duration::from_millis(700));
/// Much less.
const FEEBLE: (f64, Duration) = (0.6, Duration::from_millis(200));
/// It loses more than this for so long, whatever the estimate.
const LOSSY: (f64, Duration) = (0.10, Duration::from_millis(500));
/// More than this waits to be sent, for so long: longer than a keyframe takes.
const QUEUED: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(800));
/// Less than this waits when a line takes all that comes.
const PROMPT: Duration = Duration::from_millis(100);
/// Such a line carries at least so much more than the media sent.
const IDLE: f64 = 1.1;
/// The smallest pictures are taken away when the line was too weak for them for so long.
const LAST_PICTURE: Duration = Duration::from_secs(2);

/// What shows at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signs {
    /// The estimate says so.
    pub weak: bool,
    /// Loss or a queue does, whatever the estimate says.
    pub forced: bool,
    /// Even for the smallest pictures, and for long.
    pub no_picture: bool,
    /// Bits per second that go to it.
    pub uses: u64,
}

impl Signs {
    /// Whether something has to be done.
    pub fn too_weak(self) -> bool {
        self.weak || self.forced
    }
}

/// How long each has been so.
#[derive(Debug, Default)]
pub struct Watch {
    weak: Held,
    feeble: Held,
    lossy: Held,
    queued: Held,
    last_picture: Held,
}

impl Watch {
    /// Looks at a line that carries `budget` bits per second, if anybody knows. `young`: its figures are still guesses.
    /// `feedback`: its estimate comes from feedback, so that loss means congestion.
    pub fn look(
        &mut self,
        now: Instant,
        seats: &[Seat],
        budget: Option<u64>,
        (young, feedback): (bool, bool),
    ) -> Signs {
        let uses = seats.iter().map(Seat::uses).sum();
        let trusted = budget.filter(|budget| !young && !is_idle(seats, *budget));
        let below = |part: f64| trusted.is_some_and(|budget| (budget as f64) < uses as f64 * part);
        let loss = feedback && seats.iter().any(|seat| seat.report.loss > LOSSY.0);
        let queue = !young && seats.iter().any(|seat| seat.report.queued > QUEUED.0);
        Signs {
            weak: self.weak.lasts(below(WEAK.0), now, WEAK.1) | self.feeble.lasts(below(FEEBLE.0), now, FEEBLE.1),
            forced: self.lossy.lasts(loss, now, LOSSY.1) | self.queued.lasts(queue, now, QUEUED.1),
            // Not by loss alone: nothing says that smaller pictures are lost less.
            no_picture: self.last_picture.lasts(below(WEAK.0), now, LAST_PICTURE),
            uses,
        }
    }

    /// Something was done: all but the last sign begin anew.
    pub fn reset(&mut self) {
        [&mut self.weak, &mut self.feeble, &mut self.lossy, &mut self.queued].into_iter().for_each(Held::reset);
    }
}

/// The line takes all that comes with some to spare: its estimate is low because little is sent.
fn is_idle(seats: &[Seat], budget: u64) -> bool {
    let media: u64 = seats.iter().map(|seat| seat.report.media).sum();
    let prompt = seats.iter().all(|seat| seat.report.queued < PROMPT && seat.report.loss < LOSSY.0 / 3.0);
    prompt && budget as f64 >= media as f64 * IDLE
}
