//! One pace and one count for all processes of a machine that use a key: a
//! request is counted for all before it is sent, and waits for its turn.

use super::{Guard, Refused, Ticket};
use crate::quota::counts::GuardCounts;
use crate::quota::decide::{Verdict, decide};
use crate::quota::{Cost, OwnRequests};

impl Guard {
    /// Counts a reserved request for all processes, judges it once more with
    /// what the others have sent, and waits for its turn.
    pub(super) async fn take_turn(&self, ticket: &mut Ticket<'_>) -> Result<(), Refused> {
        let inner = &self.0;
        let one = OwnRequests::of(ticket.cost, 1);
        let apart = inner.client.pace().apart();
        let now = inner.clock.now();
        let Some(turn) = inner.ledger.turn(one, apart, now) else {
            return Ok(());
        };
        ticket.turns = one;
        {
            let mut state = self.state();
            state.turn(one, turn.sent);
            if let Some(refused) = self.refused_now(&state, ticket) {
                return Err(refused);
            }
        }
        inner.clock.sleep(turn.wait).await;
        Ok(())
    }

    /// Why a request that is counted already may not be sent after all.
    fn refused_now(&self, state: &GuardCounts, ticket: &Ticket<'_>) -> Option<Refused> {
        let reading = state.reading.as_ref()?;
        let others = state.own().minus(OwnRequests::of(ticket.cost, 1));
        let (policy, now) = (self.0.policy, self.0.clock.now());
        match decide(reading, others, ticket.cost, state.charged, policy, now) {
            Verdict::Go | Verdict::Warn(_) => None,
            Verdict::Pause(pause) => Some(Refused {
                pause,
                others: state.flying.total() > 1,
                generation: state.generation,
            }),
        }
    }

    /// The first look at the account may have cost a request: other processes
    /// have it in none of their readings.
    pub(super) fn count_the_account(&self, known_before: bool) {
        let one = OwnRequests::of(Cost::Request, 1);
        if !known_before
            && self.0.client.knows_account()
            && let Some(turn) = self.0.ledger.turn(one, None, self.0.clock.now())
        {
            self.state().turn(one, turn.sent);
        }
    }

    /// Puts the common count right: a call may have sent nothing, or more than
    /// once.
    pub(super) fn settle_turn(&self, counted: OwnRequests, sent: OwnRequests) {
        if counted == OwnRequests::default() {
            return;
        }
        let (more, less) = (sent.minus(counted), counted.minus(sent));
        let now = self.0.clock.now();
        if more.total() > 0
            && let Some(turn) = self.0.ledger.turn(more, None, now)
        {
            self.state().turn(more, turn.sent);
        }
        if less.total() > 0 {
            self.0.ledger.give_back(less, now);
            self.state().take_back(less);
        }
    }
}

impl Drop for Ticket<'_> {
    /// Gives back what was not used, and notes what was.
    fn drop(&mut self) {
        let tries = self.meter.tries();
        let sent = tries.values().map(|tries| tries.sent).sum();
        let mut state = self.guard.state();
        state.flying = state.flying.minus(OwnRequests::of(self.cost, 1));
        state.sent = state.sent.plus(OwnRequests::of(self.cost, sent));
        let charged = state.charged;
        drop(state);
        self.guard
            .settle_turn(self.turns, OwnRequests::of(self.cost, sent));
        let inner = &self.guard.0;
        let now = inner.clock.now();
        for (endpoint, tries) in tries {
            inner.ledger.sent(self.cost, charged, endpoint, tries, now);
        }
        self.guard.0.settled.notify_waiters();
    }
}
