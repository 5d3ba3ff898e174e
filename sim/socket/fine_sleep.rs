//! Sleeps that end to a fraction of a millisecond: the runtime's own are as coarse as a millisecond.

use std::time::{Duration, Instant};

use tokio::time;

/// How long before its end a sleep goes on by the finer timer. The coarse one rounds up twice, to whole milliseconds.
const FINE: Duration = Duration::from_millis(3);

/// Sleeps for so long; on other systems than Linux, and where no file descriptor is left, up to two milliseconds longer.
pub(super) async fn sleep(duration: Duration) {
    let until = Instant::now() + duration;
    if let Some(coarse) = duration.checked_sub(FINE) {
        time::sleep(coarse).await;
    }
    #[cfg(target_os = "linux")]
    {
        // Who is late already needs no timer: a crowd that is would take one each.
        let left = until.saturating_duration_since(Instant::now());
        if !left.is_zero()
            && let Ok(timer) = linux::timer(left)
        {
            timer.readable().await.ok();
        }
    }
    if Instant::now() < until {
        time::sleep_until(until.into()).await;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{io, os::fd::OwnedFd, time::Duration};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::{Interest, unix::AsyncFd};

    /// A timer that is one of the runtime's sockets: a thread of its own would take a core from whoever works each time that it
    /// wakes.
    #[expect(
        deprecated,
        reason = "its successor is unsafe for types that may close their descriptor, as `OwnedFd` never does"
    )]
    pub(super) fn timer(after: Duration) -> io::Result<AsyncFd<OwnedFd>> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        // No time at all would mean never.
        let after = Timespec::try_from(after.max(Duration::from_nanos(1))).map_err(io::Error::other)?;
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: once, it_value: after })?;
        AsyncFd::with_interest(timer, Interest::READABLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleeps_end_when_they_are_over_and_not_a_millisecond_later() {
        const TIMES: usize = 50;
        for micros in [1, 100, 1_300, 3_300] {
            let wanted = Duration::from_micros(micros);
            let mut took = Vec::new();
            for _ in 0..TIMES {
                let start = Instant::now();
                sleep(wanted).await;
                took.push(start.elapsed());
            }
            took.sort();
            assert!(took[0] >= wanted, "{took:?} of {wanted:?}");
            // Other work of the machine makes some of them late, but not nearly all.
            #[cfg(target_os = "linux")]
            assert!(took[TIMES / 5] < wanted + Duration::from_micros(500), "{took:?} of {wanted:?}");
        }
        let start = Instant::now();
        sleep(Duration::ZERO).await;
        assert!(start.elapsed() < Duration::from_millis(100), "nothing to wait for");
    }
}
