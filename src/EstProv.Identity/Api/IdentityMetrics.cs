using EstProv.Identity.Provisioning;
using EstProv.LocalApi;
using EstProv.Platform.Time;

namespace EstProv.Identity.Api;

/// <summary>What <c>GET /metrics</c> tells of the device's registration and of its modules.</summary>
internal sealed class IdentityMetrics(ProvisioningStatus status, ChangeFeed feed, BelievedClock clock)
{
    public void Write(MetricsText metrics)
    {
        var now = status.Now;
        metrics.Gauge("estprov_provisioned", now.Provisioned is null ? 0 : 1)
            .Gauge("estprov_provisioned_timestamp_seconds", now.Provisioned?.Since.ToUnixTimeSeconds() ?? 0)
            .Begin("estprov_provisioning_attempts_total", "counter");
        foreach (var result in (ReadOnlySpan<string>)["assigned", "failed"]) metrics.Of("result", result, feed.CountOf(result));
        metrics.Counter("estprov_hub_moves_total", feed.CountOf("reassigned")).Begin("estprov_module_changes_total", "counter");
        foreach (var kind in (ReadOnlySpan<string>)["module-created", "module-updated", "module-removed", "modules-failed"])
            metrics.Of("kind", kind, feed.CountOf(kind));
        metrics.Gauge("estprov_clock_believed", clock.IsBelieved ? 1 : 0);
    }
}
