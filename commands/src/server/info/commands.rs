//! INFO commandstats, errorstats, latencystats: counts and times by command, counts by error code.

use redis_core::observe::info::Section;

use super::Source;

/// Calls and time by command.
pub(super) fn commandstats(source: &Source<'_>, section: &mut Section<'_>) {
    for command in source.registry.all() {
        let totals = source.server.stats.command(usize::from(command.id));
        if totals.is_zero() {
            continue;
        }
        section.field(
            format_args!("cmdstat_{}", command.def.full_name),
            format_args!(
                "calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
                totals.calls,
                totals.micros(),
                totals.micros_per_call(),
                totals.rejected,
                totals.failed
            ),
        );
    }
}

/// Error replies by code.
pub(super) fn errorstats(source: &Source<'_>, section: &mut Section<'_>) {
    for (code, count) in source.server.stats.errors.list() {
        // A code may hold what would end the field's name.
        let code = code.replace([':', '\r', '\n'], "_");
        section.field(format_args!("errorstat_{code}"), format_args!("count={count}"));
    }
}

/// Percentiles of latency by command.
pub(super) fn latencystats(source: &Source<'_>, section: &mut Section<'_>) {
    let percentiles = source.server.config.latency_tracking_info_percentiles.get();
    if percentiles.is_empty() {
        return;
    }
    for command in source.registry.all() {
        let Some(latency) = source.server.stats.latency(usize::from(command.id)) else { continue };
        let shown: Vec<String> = percentiles
            .iter()
            .map(|percent| format!("p{percent}={:.3}", latency.percentile(*percent) as f64 / 1000.0))
            .collect();
        section.field(format_args!("latency_percentiles_usec_{}", command.def.full_name), shown.join(","));
    }
}
