//! Works: how the platform shows a run.

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde::Serialize;

use super::client::OpenCti;
use super::documents::{self, Operation};
use super::error::{Error, Remedy};
use super::version::Feature;

/// Objects that will not come are reported one by one, so many at a time.
const REPORTS_AT_ONCE: usize = 8;

/// How far a work is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// `wait`, `progress`, `complete` or `timeout`.
    pub status: String,
    /// How many objects the platform waits for.
    pub expected: u64,
    /// How many it has seen the end of.
    pub processed: u64,
}

impl Progress {
    /// Nothing changes any more.
    pub fn is_complete(&self) -> bool {
        self.status == "complete"
    }

    /// What the platform still waits for.
    pub fn missing(&self) -> u64 {
        self.expected.saturating_sub(self.processed)
    }
}

impl OpenCti {
    /// Opens a work and gives its id. Multi-part where the platform knows it:
    /// such a work ends only after [`OpenCti::work_processed`] AND everything
    /// expected.
    pub async fn work_add(&self, connector_id: &str, name: &str) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "workAdd")]
            work: WithId,
        }
        let variables = serde_json::json!({"connector": connector_id, "name": name});
        let data: Data = self
            .call_in_form(
                Feature::MultiPartWork,
                (&documents::WORK_ADD_MULTI_PART, &variables),
                (&documents::WORK_ADD, &variables),
            )
            .await?;
        Ok(data.work.id)
    }

    /// Whether a work ends only after [`OpenCti::work_processed`]; else it may
    /// end whenever nothing is expected of it.
    pub fn works_have_parts(&self) -> bool {
        self.level().asks(Feature::MultiPartWork)
    }

    /// Says that the run has begun.
    pub async fn work_received(&self, id: &str, message: &str) -> Result<(), Error> {
        let variables = serde_json::json!({"id": id, "message": message});
        self.edit(&documents::WORK_RECEIVED, &variables).await
    }

    /// Says that the run is over. Once a work, at the end: a plain work is
    /// closed by it as soon as nothing is waited for.
    pub async fn work_processed(
        &self,
        id: &str,
        message: &str,
        in_error: bool,
    ) -> Result<(), Error> {
        let variables = serde_json::json!({"id": id, "message": message, "inError": in_error});
        self.edit(&documents::WORK_PROCESSED, &variables).await
    }

    /// Makes a work expect `expected` objects instead of `before`, once however
    /// often the answer is lost. `heard`: an earlier try may have been carried
    /// out; then the platform's own count is looked up first.
    pub async fn announce(
        &self,
        id: &str,
        (before, expected): (u64, u64),
        heard: bool,
    ) -> Result<(), Error> {
        if heard && self.work_progress(id).await?.expected >= expected {
            return Ok(());
        }
        let more = usize::try_from(expected.saturating_sub(before)).unwrap_or(usize::MAX);
        match self.add_expectations(id, more).await {
            Err(error) if error.remedy() == Remedy::Retry => {
                if self.work_progress(id).await?.expected >= expected {
                    return Ok(());
                }
                Err(error)
            }
            said => said,
        }
    }

    /// Announces `count` more objects; see [`OpenCti::announce`] for once only.
    pub async fn add_expectations(&self, id: &str, count: usize) -> Result<(), Error> {
        // GraphQL's Int has 32 bits.
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let variables = serde_json::json!({"id": id, "count": count});
        self.edit(&documents::WORK_EXPECT, &variables).await
    }

    /// Reports our own expectation as done.
    pub async fn report_own(&self, id: &str) -> Result<(), Error> {
        let variables = serde_json::json!({ "id": id });
        self.edit(&documents::WORK_REPORT, &variables).await
    }

    /// Reports one expected object as failed; `source` says which.
    pub async fn report_expectation(
        &self,
        id: &str,
        error: &str,
        source: &str,
    ) -> Result<(), Error> {
        let variables = serde_json::json!({"id": id, "error": {"error": error, "source": source}});
        self.edit(&documents::WORK_REPORT, &variables).await
    }

    /// Reports so many expected objects as never to come, with the reason.
    pub async fn report_lost(&self, id: &str, count: u64, why: &str) -> Result<(), Error> {
        let reports = (0..count).map(|_| self.report_expectation(id, why, "vtreporter"));
        let mut reports = stream::iter(reports).buffer_unordered(REPORTS_AT_ONCE);
        while let Some(reported) = reports.next().await {
            reported?;
        }
        Ok(())
    }

    /// Tells the work which draft it writes to.
    pub async fn work_draft(&self, id: &str, draft: &str) -> Result<(), Error> {
        let variables = serde_json::json!({"id": id, "draft": draft});
        self.edit(&documents::WORK_DRAFT, &variables).await
    }

    /// Opens a draft and gives its id.
    pub async fn add_draft(&self, name: &str) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "draftWorkspaceAdd")]
            draft: Option<WithId>,
        }
        let input = serde_json::json!({"input": {"name": name}});
        let data: Data = self.call(&documents::DRAFT_ADD, &input).await?;
        data.draft
            .map(|draft| draft.id)
            .ok_or_else(|| self.odd("the new draft has no id"))
    }

    /// The page on which a draft is looked at and approved.
    pub fn draft_page(&self, draft: &str) -> String {
        self.page(&format!("dashboard/data/import/draft/{draft}"))
    }

    /// How far a work is.
    pub async fn work_progress(&self, id: &str) -> Result<Progress, Error> {
        #[derive(Deserialize)]
        struct Data {
            work: Option<WireWork>,
        }
        let id = serde_json::json!({ "id": id });
        let data: Data = self.call(&documents::WORK, &id).await?;
        let work = data.work.ok_or(Error::NotAlive)?;
        let tracking = work.tracking.unwrap_or_default();
        let count = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        Ok(Progress {
            status: work.status,
            expected: count(tracking.import_expected_number),
            processed: count(tracking.import_processed_number),
        })
    }

    async fn edit(&self, operation: &Operation, variables: &impl Serialize) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "workEdit")]
            edit: Option<serde::de::IgnoredAny>,
        }
        let data: Data = self.call(operation, variables).await?;
        data.edit.map(|_| ()).ok_or(Error::NotAlive)
    }
}

#[derive(Deserialize)]
struct WithId {
    id: String,
}

#[derive(Deserialize)]
struct WireWork {
    status: String,
    tracking: Option<WireTracking>,
}

#[derive(Default, Deserialize)]
struct WireTracking {
    import_expected_number: Option<i64>,
    import_processed_number: Option<i64>,
}
