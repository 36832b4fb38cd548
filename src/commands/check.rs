//! `check`: the settings, then one cheap question to each side, and a try of
//! each road between us, in plain words.

mod roads;

use crate::opencti::OpenCti;
use crate::virustotal::VirusTotal;

use super::Exit;
pub use roads::Roads;
use roads::Tried;

/// The two sides.
pub struct Sides {
    /// VirusTotal.
    pub virustotal: VirusTotal,
    /// The platform.
    pub opencti: OpenCti,
    /// How bundles get there.
    pub roads: Roads,
    /// What the settings made us say.
    pub warnings: Vec<String>,
}

/// Looks at both sides unless `offline`. Both are asked even if the first is
/// wrong: an operator wants to mend both at once.
pub async fn run(sides: Sides, offline: bool) -> Result<(), Exit> {
    for warning in &sides.warnings {
        say!("settings    note: {warning}");
    }
    say!("settings    fine");
    if offline {
        return Ok(());
    }
    let virustotal = virustotal(&sides.virustotal).await;
    report("VirusTotal", &virustotal);
    let opencti = opencti(&sides.opencti).await;
    report("OpenCTI", &opencti);
    let roads = sides.roads.try_each(&sides.opencti, opencti.is_ok()).await;
    let mut answers = vec![("VirusTotal", virustotal), ("OpenCTI", opencti)];
    for (side, tried) in roads {
        match tried {
            Tried::Done(answer) => {
                let answer = answer.map(Finding::Fine);
                report(side, &answer);
                answers.push((side, answer));
            }
            Tried::Not(why) => say!("{side:11} not tried: {why}"),
        }
    }
    verdict(&answers)
}

/// What one question came to.
enum Finding {
    Fine(String),
    /// Neither right nor wrong could be seen, and why.
    Unsure(String),
}

type Answer = Result<Finding, Exit>;

fn report(side: &str, answer: &Answer) {
    match answer {
        Ok(Finding::Fine(text)) => say!("{side:11} fine: {text}"),
        Ok(Finding::Unsure(text)) => say!("{side:11} UNSURE: {text}"),
        Err(exit) => say!("{side:11} WRONG: {exit}"),
    }
}

/// The command's end: what is wrong in the settings comes first, then what is
/// wrong elsewhere, then what could not be seen.
fn verdict(answers: &[(&str, Answer)]) -> Result<(), Exit> {
    let faults = answers
        .iter()
        .filter_map(|(side, answer)| Some((*side, answer.as_ref().err()?)));
    let (sides, exits): (Vec<&str>, Vec<&Exit>) = faults.unzip();
    let not_ready = match sides.as_slice() {
        [] => {
            let mut unsure = answers.iter().map(|(_, answer)| answer);
            return match unsure.any(|answer| matches!(answer, Ok(Finding::Unsure(_)))) {
                true => Err(Exit::NotEverything(
                    "not everything could be checked: see above".to_owned(),
                )),
                false => Ok(()),
            };
        }
        [one] => format!("{one} is not ready: see above"),
        more => format!("{} are not ready: see above", more.join(" and ")),
    };
    if exits.iter().any(|exit| exit.code() == 2) {
        Err(Exit::Settings(not_ready))
    } else {
        Err(Exit::NotEverything(not_ready))
    }
}

async fn virustotal(client: &VirusTotal) -> Answer {
    let user = client.user().await.map_err(|error| Exit::from(&error))?;
    match user.intelligence {
        Some(false) => Err(Exit::Settings(
            "the key works, but its licence has no VirusTotal Intelligence: searches would be \
             refused; ask VirusTotal for Intelligence or a Premium API key, or set another VTREPORTER_API_KEY"
                .to_owned(),
        )),
        Some(true) => Ok(Finding::Fine(format!(
            "the key of user {} may search",
            user.id
        ))),
        None => Ok(Finding::Unsure(format!(
            "the key of user {} works, but VirusTotal does not say whether it may search; \
             a preview of an hour tries it, mostly for one request: \
             VTREPORTER_START=PT1H vtreporter preview",
            user.id
        ))),
    }
}

async fn opencti(client: &OpenCti) -> Answer {
    let version = client.version().await.map_err(|error| Exit::from(&error))?;
    let me = client.me().await.map_err(|error| Exit::from(&error))?;
    if !me.may_connect() {
        return Err(Exit::Settings(format!(
            "the token of {} works, but that user lacks connector rights: give it the Connector \
             role (\"Connectors API usage\"), or set another OPENCTI_TOKEN",
            me.name
        )));
    }
    Ok(Finding::Fine(format!("version {version}, as {}", me.name)))
}
