//! The roads of `check`: tried as a run tries them, and nothing is sent.

use std::time::Duration;

use crate::base::clock::Clock;
use crate::commands::Exit;
use crate::opencti::delivery::{Ground, RoadSettings};
use crate::opencti::{Error, OpenCti, Registered, Registration, Road};

/// The roads to try.
pub struct Roads {
    /// Which.
    pub settings: RoadSettings,
    /// Whose.
    pub registration: Registration,
    /// Bytes that a run needs on a road over files.
    pub room: u64,
    /// The time.
    pub clock: Clock,
}

/// What is said of a road.
pub(super) enum Tried {
    Done(Result<String, Exit>),
    /// And why not.
    Not(&'static str),
}

impl Roads {
    /// Tries each. Where the broker is, only the platform tells, and only a
    /// connector that has started once: `check` registers none.
    pub(super) async fn try_each(
        &self,
        opencti: &OpenCti,
        answers: bool,
    ) -> Vec<(&'static str, Tried)> {
        let (known, why) = if answers {
            let known = opencti.known(&self.registration).await;
            (
                known,
                "the connector has to start once: OpenCTI tells then where it leads",
            )
        } else {
            (Ok(None), "OpenCTI has to answer first")
        };
        let (known, fault) = match known {
            Ok(known) => (known, None),
            Err(error) => (None, Some(error)),
        };
        let mut tried = Vec::new();
        for (name, road) in self.settings.each(&self.ground(opencti, known.as_ref())) {
            let came_to = match (road, &fault) {
                (Some(road), _) => Tried::Done(self.try_out(road).await),
                (None, Some(error)) => Tried::Done(Err(Exit::from(error))),
                (None, None) => Tried::Not(why),
            };
            tried.push((name, came_to));
        }
        tried
    }

    async fn try_out(&self, road: Result<Road, Error>) -> Result<String, Exit> {
        let tried = async {
            let road = road?;
            let said = road.try_out(self.room).await;
            road.close().await;
            said
        };
        tried.await.map_err(|error| Exit::from(&error))
    }

    fn ground<'a>(
        &'a self,
        opencti: &'a OpenCti,
        registered: Option<&'a Registered>,
    ) -> Ground<'a> {
        Ground {
            opencti,
            registration: &self.registration,
            registered,
            // Nothing is sent that could wait.
            patience: Duration::ZERO,
            clock: &self.clock,
        }
    }
}
