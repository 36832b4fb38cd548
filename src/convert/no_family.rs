//! Names that engines give where they have no family.

use crate::base::text::says_nothing;

/// Whether a name, in lower case, is no family's.
pub(super) fn is_no_family(name: &str) -> bool {
    name.chars().nth(1).is_none()
        || !name.chars().any(char::is_alphabetic)
        || says_nothing(name)
        || NOT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || NOT_FAMILIES.binary_search(&name).is_ok()
}

/// Beginnings of names that engines make up by machine, and of weaknesses:
/// `generickd`, `heur2`, `cve20170199`.
const NOT_PREFIXES: [&str; 4] = ["generic", "genkryptik", "heur", "cve"];

/// What engines say where they have no family: platforms and languages, what a
/// file does in general, verdicts of statistics, and packers. Each would tie
/// together thousands of files that have nothing else in common. In order.
#[rustfmt::skip] // One word a line would be a file by itself.
const NOT_FAMILIES: &[&str] = &[
    "adrastea", "adware", "agent", "agentb", "agentwdcr", "ai", "android", "androidos", "androos",
    "antiav", "app", "application", "armadillo", "artemis", "aspack", "asprotect", "attribute",
    "autoit", "autorun", "autoruns", "backdoor", "banker", "barys", "bash", "bat", "batch",
    "bearfoos", "behav", "behaveslike", "behavior", "bitcoinminer", "bkdr", "bluteal", "bootkit",
    "bot", "botnet", "bsymem", "bulz", "bundler", "casdet", "cerbu", "clicker", "cloud", "cloxer",
    "coinminer", "confidence", "confuser", "confuserex", "conteban", "convagent", "crack",
    "cracked", "crypt", "crypted", "crypter", "cryptik", "cryptominer", "cryptor", "dacic", "data",
    "ddos", "deepscan", "delphi", "detected", "detection", "dialer", "disabler", "dldr", "dloader",
    "dloadr", "doc", "docx", "doina", "dos", "dotnet", "doubleextension", "downloader", "drop",
    "dropper", "dynamer", "eicar", "elf", "email", "enigma", "enigmaprotector", "etset", "excel",
    "expl", "exploit", "faceliker", "fakealert", "fakeav", "fakedoc", "fakepdf", "file",
    "filecoder", "fileinfector", "files", "flash", "flooder", "fragtor", "fuery", "fugrafa", "gen",
    "generik", "golang", "graftor", "grayware", "greyware", "hacktool", "hacktoolx", "hesv",
    "heuristic", "highconfidence", "hijacker", "hktl", "hoax", "hosts", "htm", "html", "iframe",
    "infector", "infostealer", "inject", "injected", "injector", "installer", "ios", "iphoneos",
    "jacard", "jaik", "java", "javascript", "johnnie", "joke", "js", "jscript", "kazy", "keygen",
    "keylogger", "khalesi", "killav", "krypt", "kryptik", "lazy", "leonem", "linux", "lnk",
    "loader", "lowfi", "lowfidelity", "mac", "macos", "macro", "mailer", "makoob", "malgent",
    "malicious", "maltrojan", "malw", "malware", "mamson", "marsilia", "midie", "mikey", "miner",
    "mint", "misc", "ml", "moderate", "molebox", "morphine", "mpress", "msexcel", "msil",
    "msoffice", "msword", "multi", "netool", "nsis", "nsismod", "nspack", "o97m", "obfus",
    "obfuscated", "obfuscator", "obfuse", "object", "obsidium", "occamy", "office", "osx", "other",
    "p97m", "pack", "packed", "packer", "packz", "passwordstealer", "patched", "patcher", "pdf",
    "pecompact", "perl", "petite", "phish", "phishing", "phonzy", "php", "potentially",
    "powershell", "presenoker", "program", "proxy", "ps1", "pshell", "psw", "pua", "pum", "pup",
    "pws", "python", "radmin", "ransom", "ransomware", "ransomx", "rar", "rat", "razy", "reactor",
    "redir", "redirector", "remadmin", "remoteadmin", "reverseshell", "riskware", "riskware32",
    "rogue", "rootkit", "rtf", "ruby", "rust", "sabsik", "scar", "score", "script", "sfx", "sh",
    "shell", "shellcode", "shellcoderunner", "siggen", "siggen2", "skeeyah", "smartassembly",
    "softonic", "software", "sonbokli", "spammer", "sprisky", "spy", "spyware", "startpage",
    "static", "stealer", "strictor", "stub", "susp", "suspect", "suspicious", "swf", "symbian",
    "symmi", "tedy", "test", "themida", "threat", "threats", "tiggre", "tnega", "tool", "toolbar",
    "troj", "trojan", "trojanbanker", "trojandownloader", "trojandropper", "trojanpsw",
    "trojanransom", "trojanspy", "ulise", "undef", "unix", "unknown", "unsafe",
    "unwanted", "upack", "upx", "ursu", "variant", "vb", "vba", "vbs", "vbscript", "vho", "vigorf",
    "vindor", "virus", "vmprotbad", "vmprotect", "w2000m", "w32", "w64", "w97m", "wacapew",
    "wacatac", "webshell", "win16", "win32", "win64", "word", "woreflint", "worm", "x2000m", "x97m",
    "xml", "zard", "zip", "znyonm", "zpevdo", "zusy",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stop_list_is_in_order_and_in_lower_case() {
        assert!(NOT_FAMILIES.is_sorted());
        let lower = |name: &&str| *name == name.to_lowercase();
        assert!(NOT_FAMILIES.iter().all(lower));
        for name in [
            "msil",
            "generic",
            "generickd",
            "agent",
            "win32",
            "x",
            "42",
            "none",
            "null",
        ] {
            assert!(is_no_family(name), "{name}");
        }
        for name in ["remcos", "emotet", "qakbot", "hive"] {
            assert!(!is_no_family(name), "{name}");
        }
    }
}
