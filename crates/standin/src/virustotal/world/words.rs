//! What made-up files are made of. Hosts and addresses come from the ranges
//! that are set aside for documentation.

/// A kind of file, as VirusTotal describes it.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) tag: &'static str,
    pub(crate) extension: &'static str,
    pub(crate) description: &'static str,
    pub(crate) type_tags: &'static [&'static str],
    pub(crate) magic: &'static str,
    pub(crate) magika: &'static str,
    pub(crate) mime: &'static str,
    pub(crate) tags: &'static [&'static str],
}

const fn kind(
    (tag, extension, description): (&'static str, &'static str, &'static str),
    type_tags: &'static [&'static str],
    (magic, magika, mime): (&'static str, &'static str, &'static str),
    tags: &'static [&'static str],
) -> Kind {
    Kind {
        tag,
        extension,
        description,
        type_tags,
        magic,
        magika,
        mime,
        tags,
    }
}

/// The first ones are the commoner ones.
pub(crate) static KINDS: &[Kind] = &[
    kind(
        ("peexe", "exe", "Win32 EXE"),
        &["executable", "windows", "win32", "pe", "peexe"],
        (
            "PE32 executable (GUI) Intel 80386, for MS Windows",
            "PEBIN",
            "application/octet-stream",
        ),
        &["peexe", "detect-debug-environment", "long-sleeps"],
    ),
    kind(
        ("pedll", "dll", "Win32 DLL"),
        &["executable", "windows", "win32", "pe", "pedll"],
        (
            "PE32+ executable (DLL) (console) x86-64, for MS Windows",
            "PEBIN",
            "application/octet-stream",
        ),
        &["pedll", "64bits", "overlay"],
    ),
    kind(
        ("elf", "so", "ELF"),
        &["executable", "linux", "elf"],
        (
            "ELF 64-bit LSB executable, x86-64, version 1 (SYSV), statically linked, stripped",
            "ELF",
            "application/x-executable",
        ),
        &["elf", "64bits", "shared-lib"],
    ),
    kind(
        ("apk", "apk", "Android"),
        &["executable", "mobile", "android", "apk"],
        (
            "Zip archive data, at least v2.0 to extract",
            "APK",
            "application/vnd.android.package-archive",
        ),
        &["apk", "android", "reflection"],
    ),
    kind(
        ("pdf", "pdf", "PDF"),
        &["document", "pdf"],
        ("PDF document, version 1.7", "PDF", "application/pdf"),
        &["pdf", "acroform", "js-embedded"],
    ),
    kind(
        ("docx", "docx", "Office Open XML Document"),
        &["document", "msoffice", "text", "word", "docx"],
        (
            "Microsoft Word 2007+",
            "DOCX",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        &["docx", "cve-2017-0199", "exploit"],
    ),
    kind(
        ("lnk", "lnk", "Windows shortcut"),
        &["shortcut", "windows", "lnk"],
        (
            "MS Windows shortcut, Item id list present, Has Relative path",
            "LNK",
            "application/x-ms-shortcut",
        ),
        &["lnk", "long-command-line-arguments"],
    ),
    kind(
        ("powershell", "ps1", "Powershell"),
        &["source", "powershell", "ps", "ps1"],
        (
            "ASCII text, with very long lines (315u)",
            "POWERSHELL",
            "text/plain",
        ),
        &["powershell", "url-pattern", "calls-wmi"],
    ),
    kind(
        ("rar", "rar", "RAR"),
        &["compressed", "rar"],
        ("RAR archive data, v5", "RAR", "application/x-rar"),
        &["rar", "attachment"],
    ),
    kind(
        ("html", "html", "HTML"),
        &["internet", "html"],
        (
            "HTML document, ASCII text, with very long lines",
            "HTML",
            "text/html",
        ),
        &["html", "contains-embedded-js"],
    ),
];

/// Family and the category it is counted in.
pub(crate) static FAMILIES: &[(&str, &str)] = &[
    ("agenttesla", "trojan"),
    ("remcos", "trojan"),
    ("formbook", "trojan"),
    ("lokibot", "trojan"),
    ("redline", "trojan"),
    ("mirai", "trojan"),
    ("qakbot", "banker"),
    ("emotet", "banker"),
    ("lockbit", "ransomware"),
    ("hive", "ransomware"),
    ("xmrig", "miner"),
    ("guloader", "downloader"),
    ("conficker", "worm"),
    ("nymeria", "dropper"),
    ("installcore", "adware"),
];

pub(crate) static STEMS: &[&str] = &[
    "Invoice",
    "Purchase_Order",
    "setup",
    "update",
    "Payment advice",
    "Rechnung",
    "факту́ра",
    "請求書",
    "libcrypt",
    "svchost",
    "photo",
    "résumé",
    "Statement",
    "shipping-label",
    "backup",
    "scan",
];

/// Names that someone chose in order to hurt whoever shows them.
pub(crate) static HOSTILE: &[&str] = &[
    "report\u{0}.exe",
    "holiday\u{202e}gpj.exe",
    "**urgent** [open me](http://phish.example.net/x)",
    "<img src=x onerror=alert(1)>.html",
    "=HYPERLINK(\"http://phish.example.net\",\"invoice\")",
    "SEVERITY_HIGH SEVERITY_HIGH.txt",
    "a\r\nb\tc\u{1b}[31mred.exe",
    "..\\..\\..\\Windows\\System32\\drivers\\etc\\hosts",
    "`rm -rf /`;$(id).sh",
    "| cell | breaks | tables |.csv",
    "\u{feff}\u{200b}\u{2066}zero\u{2069}.dll",
];

pub(crate) static FOLDERS: &[&str] = &[
    "C:\\Users\\user\\AppData\\Local\\Temp\\",
    "C:\\Users\\user\\Downloads\\",
    "/var/spool/attachments/",
    "/home/user/samples/",
];

pub(crate) static HOST_WORDS: &[&str] = &[
    "update", "cdn", "mail", "login", "secure", "static", "sync", "panel", "gate", "files", "node",
    "relay",
];

pub(crate) static HOST_ENDS: &[&str] = &["example.net", "example.org", "example.com", "example"];

pub(crate) static PATHS: &[&str] = &[
    "/",
    "/gate.php",
    "/index.html?id=7&x=1",
    "/a/b/c/payload.bin",
    "/wp-content/uploads/2026/11/doc.zip",
    "/%E2%80%AEcod.exe",
    "/login?next=%2Fadmin#top",
    "/[click](http://phish.example.net)",
];

pub(crate) static SANDBOXES: &[&str] = &["Zenbox", "C2AE", "CAPE Sandbox", "VirusTotal Jujubox"];

/// Countries that submit a file besides the one that the world is made for.
pub(crate) static ELSEWHERE: &[&str] = &["US", "DE", "BR", "GB", "IN", "JP", "FR", "CA"];

/// Tactic id, tactic, technique id, technique, signature.
pub(crate) static TECHNIQUES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "TA0002",
        "Execution",
        "T1059.001",
        "PowerShell",
        "Runs an encoded command",
    ),
    (
        "TA0003",
        "Persistence",
        "T1547.001",
        "Registry Run Keys / Startup Folder",
        "Writes a run key",
    ),
    (
        "TA0005",
        "Defense Evasion",
        "T1055",
        "Process Injection",
        "Writes into another process",
    ),
    (
        "TA0005",
        "Defense Evasion",
        "T1070.004",
        "File Deletion",
        "Deletes itself",
    ),
    (
        "TA0007",
        "Discovery",
        "T1082",
        "System Information Discovery",
        "Asks for the machine's name",
    ),
    (
        "TA0011",
        "Command and Control",
        "T1071.001",
        "Web Protocols",
        "Speaks HTTP to an unusual host",
    ),
];

/// Engines that judge a file; `last_analysis_results` has one entry each.
pub(crate) const ENGINES: u32 = 72;
