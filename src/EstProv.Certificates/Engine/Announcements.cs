using EstProv.Certificates.Renewal;
using EstProv.Certificates.Store;

namespace EstProv.Certificates.Engine;

/// <summary>
/// Tells that certificates whose keys are their callers' near their end, or that their CA was renewed or is distrusted: nobody but the caller can
/// ask for another one. Told once a day (the longest gap of <c>renewal</c>) until there is another one, since whoever is concerned may not have
/// listened.
/// </summary>
internal sealed class Announcements(EngineParts parts, CredentialTable table, Replacements replacements)
{
    /// <summary>
    /// From the end of the renewal window, before which the same request gets the stored certificate again, over so much of what is left: a fleet
    /// made on one day does not ask on one day.
    /// </summary>
    private const double Spread = 1.0 / 3;

    private readonly Lock _looking = new();
    private readonly Dictionary<string, Told> _told = new(StringComparer.Ordinal);

    private sealed record Told(StoredCertificate Of, long At, bool Expired);

    /// <summary>When a caller should ask for another one.</summary>
    public DateTimeOffset TimeOf(StoredCertificate certificate)
    {
        var end = PolicyOf(certificate.Id).FirstTry(certificate.NotBefore, certificate.NotAfter, certificate.IssuedAt, 1);
        return end + (certificate.NotAfter - end) * Spread * certificate.Spread;
    }

    /// <summary>Looks at all of them, outside of the gate. By a clock that is not believed nothing nears its end.</summary>
    public void Look()
    {
        List<StoredCertificate> certificates;
        lock (table.Gate) certificates = [.. table.Others];
        // One tick of the clockwork may meet the next.
        lock (_looking)
        {
            foreach (var certificate in certificates) Look(certificate);
        }
    }

    private void Look(StoredCertificate certificate)
    {
        var told = _told.GetValueOrDefault(certificate.Id) is { } known && ReferenceEquals(known.Of, certificate) ? known : null;
        if (Needs.IsExpired(certificate, parts.Clock))
        {
            if (told is { Expired: true }) return;
            parts.Events.Expired(certificate);
            _told[certificate.Id] = new Told(certificate, parts.Time.GetTimestamp(), true);
            return;
        }

        var life = certificate.NotAfter - certificate.NotBefore;
        if (told is not null && parts.Time.GetElapsedTime(told.At) < PolicyOf(certificate.Id).Retry.Of(life)) return;
        if (ReasonFor(certificate) is not { } reason) return;
        parts.Events.Expiring(certificate, reason);
        _told[certificate.Id] = new Told(certificate, parts.Time.GetTimestamp(), false);
    }

    private string? ReasonFor(StoredCertificate certificate)
    {
        var now = parts.Clock.Now;
        if (replacements.Of(certificate, () => certificate.Pem) is { } replacement && now >= replacement.From)
            return replacement.Why == Need.Distrusted ? "issuer_distrusted" : "issuer_renewed";
        return parts.Clock.IsBelieved && now >= TimeOf(certificate) ? "expiry" : null;
    }

    private RenewalPolicy PolicyOf(string id) => RenewalPolicy.Of(parts.Configuration.Issuance.GetValueOrDefault(id)?.Renewal);
}
