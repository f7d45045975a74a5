using EstProv.Certificates.Engine;
using EstProv.Certificates.Store;
using EstProv.LocalApi;

namespace EstProv.Certificates.Api;

/// <summary>What <c>GET /metrics</c> tells of certificates, out of what is known already: reads no certificate, asks nobody.</summary>
internal sealed class CertificateMetrics(EngineParts parts, CredentialEngine engine, ChangeFeed changes)
{
    private const string Id = "id";

    public void Write(MetricsText metrics)
    {
        List<StoredCertificate> all = [];
        List<Credential> credentials = [];
        lock (engine.Table.Gate)
        {
            all.AddRange(engine.Table.Others);
            foreach (var credential in engine.Table.Credentials)
            {
                if (credential.Wanted || credential.Current is not null) credentials.Add(credential);
                if (credential.Current is { } current) all.Add(current);
            }

            metrics.Begin("estprov_certificate_renewal_timestamp_seconds", "gauge");
            foreach (var credential in credentials)
            {
                if (credential is { Issuance: not null, Current: { } current })
                    metrics.Of(Id, credential.Id, Needs.RenewalAt(credential, current).ToUnixTimeSeconds());
            }

            metrics.Begin("estprov_certificate_failed_attempts", "gauge");
            foreach (var credential in credentials) metrics.Of(Id, credential.Id, credential.Failures);
            metrics.Begin("estprov_certificate_key_missing", "gauge");
            foreach (var credential in credentials) metrics.Of(Id, credential.Id, credential.KeyMissing ? 1 : 0);
        }

        metrics.Begin("estprov_certificate_issued_total", "counter");
        foreach (var credential in credentials) metrics.Of(Id, credential.Id, changes.CountOf("issued", credential.Id));
        metrics.Begin("estprov_certificate_failures_total", "counter");
        foreach (var credential in credentials) metrics.Of(Id, credential.Id, changes.CountOf("failed", credential.Id));
        Attempts(metrics, "estprov_certificate_first_issues_total", credentials, renewals: false);
        Attempts(metrics, "estprov_certificate_renewals_total", credentials, renewals: true);
        metrics.Begin("estprov_certificate_expiry_timestamp_seconds", "gauge");
        foreach (var certificate in all) metrics.Of(Id, certificate.Id, certificate.NotAfter.ToUnixTimeSeconds());
        metrics.Begin("estprov_certificate_attempts_total", "counter");
        foreach (var result in (ReadOnlySpan<string>)["issued", "pending", "failed"]) metrics.Of("result", result, changes.CountOf(result));
        metrics.Begin("estprov_certificate_changes_total", "counter");
        foreach (var kind in (ReadOnlySpan<string>)["committed", "dropped", "taken-back", "replaced", "deleted", "expired", "bootstrap",
            "rescue"])
            metrics.Of("kind", kind, changes.CountOf(kind));
        metrics.Gauge("estprov_clock_believed", parts.Clock.IsBelieved ? 1 : 0);
    }

    private static void Attempts(MetricsText metrics, string name, List<Credential> credentials, bool renewals)
    {
        metrics.Begin(name, "counter");
        foreach (var credential in credentials)
        {
            for (var i = 0; i < AttemptCounts.Results.Length; i++)
                metrics.Of(Id, credential.Id, "result", AttemptCounts.Results[i], credential.Attempts.Of(i, renewals));
        }
    }
}
