//! `check`: the settings, then one cheap question to each side, in plain words.

use crate::opencti::OpenCti;
use crate::virustotal::VirusTotal;

use super::Exit;

/// The two sides.
pub struct Sides {
    /// VirusTotal.
    pub virustotal: VirusTotal,
    /// The platform.
    pub opencti: OpenCti,
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
    let faults: Vec<Exit> = [virustotal.err(), opencti.err()]
        .into_iter()
        .flatten()
        .collect();
    let names = if faults.len() == 2 {
        "VirusTotal and OpenCTI are not ready"
    } else {
        "one side is not ready"
    };
    match faults.iter().map(Exit::code).min() {
        None => Ok(()),
        Some(2) => Err(Exit::Settings(format!("{names}: see above"))),
        Some(_) => Err(Exit::NotEverything(format!("{names}: see above"))),
    }
}

fn report(side: &str, result: &Result<String, Exit>) {
    match result {
        Ok(text) => say!("{side:11} fine: {text}"),
        Err(exit) => say!("{side:11} WRONG: {exit}"),
    }
}

async fn virustotal(client: &VirusTotal) -> Result<String, Exit> {
    let user = client.user().await.map_err(|error| Exit::from(&error))?;
    match user.intelligence {
        Some(false) => Err(Exit::Settings(
            "the key works, but its licence has no VirusTotal Intelligence: searches would be \
             refused; ask VirusTotal for Intelligence or a Premium API key, or set another VTREPORTER_API_KEY"
                .to_owned(),
        )),
        Some(true) => Ok(format!("the key of user {} may search", user.id)),
        None => Ok(format!(
            "the key of user {} works; VirusTotal does not say whether it may search",
            user.id
        )),
    }
}

async fn opencti(client: &OpenCti) -> Result<String, Exit> {
    let version = client.version().await.map_err(|error| Exit::from(&error))?;
    let me = client.me().await.map_err(|error| Exit::from(&error))?;
    if !me.may_connect() {
        return Err(Exit::Settings(format!(
            "the token of {} works, but that user lacks connector rights: give it the Connector \
             role (\"Connectors API usage\"), or set another OPENCTI_TOKEN",
            me.name
        )));
    }
    Ok(format!("version {version}, as {}", me.name))
}
