//! What of an object is shown.

/// How an object is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// What links start with.
    pub(crate) base: String,
    /// Attributes to leave out.
    pub(crate) exclude: Vec<String>,
    /// Relationships to embed.
    pub(crate) relationships: Vec<String>,
    /// Only `type` and `id`.
    pub(crate) descriptors_only: bool,
    /// Bytes to pad to.
    pub(crate) bulk: usize,
}
