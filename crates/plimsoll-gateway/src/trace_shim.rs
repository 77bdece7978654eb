//! shim
#[derive(Debug)]
pub struct TracedSpan<'a> {
    pub span: &'a plimsoll_core::Span,
    pub text: &'a str,
}
#[derive(Debug)]
pub struct Prepared<'a>(std::marker::PhantomData<&'a ()>);
impl<'a> Prepared<'a> {
    pub fn new(_: &[TracedSpan<'a>]) -> Self {
        Self(std::marker::PhantomData)
    }
    pub fn origins(
        &self,
        _: &serde_json::Value,
        _: &dyn Fn(&str) -> Option<plimsoll_core::ArgumentRole>,
    ) -> Vec<plimsoll_core::ArgumentOrigin> {
        vec![]
    }
}
