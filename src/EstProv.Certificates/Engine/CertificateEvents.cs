using System.Globalization;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Platform.Time;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Engine;

/// <summary>What happens to certificates: one line in the log and one entry in the changes feed each.</summary>
/// <param name="publish">The changes feed: kind, certificate id, then name and value of each field.</param>
internal sealed partial class CertificateEvents(ILogger log, Action<string, string, (string Name, string? Value)[]> publish)
{
    public void Issued(StoredCertificate certificate, TimeSpan took)
    {
        var seconds = took.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
        Log.Issued(log, certificate.Id, certificate.Subject, certificate.Issuer, certificate.Url ?? "", certificate.Credential ?? "", seconds, certificate.NotAfter);
        publish("issued", certificate.Id,
        [
            ("id", certificate.Id), ("url", certificate.Url ?? ""), ("credential", certificate.Credential ?? ""), ("seconds", seconds),
            ("subjectName", certificate.Subject), ("issuer", certificate.Issuer), ("notAfter", Utc.Format(certificate.NotAfter)),
            ("key", certificate.KeyAlgorithm),
        ]);
    }

    public void Failed(Credential credential, ProblemException problem, int attempt, TimeSpan next)
    {
        var (url, shown) = (credential.LastUrl ?? "", credential.LastCredential ?? "");
        var seconds = next.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
        if (url.Length == 0) Log.FailedEarly(log, credential.Id, attempt, seconds, problem.ToLogText());
        else Log.Failed(log, credential.Id, url, shown, attempt, seconds, problem.ToLogText());
        publish("failed", credential.Id,
        [
            ("id", credential.Id), ("url", url), ("credential", shown), ("attempt", attempt.ToString(CultureInfo.InvariantCulture)),
            ("code", problem.Code), ("message", problem.Message), ("hint", problem.Hint), ("retrySeconds", seconds),
        ]);
    }

    public void Pending(PendingRequest request)
    {
        var seconds = request.RetryAfter.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        Log.Pending(log, request.Id, request.Url, request.Credential, seconds);
        publish("pending", request.Id, [("id", request.Id), ("url", request.Url), ("credential", request.Credential), ("retrySeconds", seconds)]);
    }

    public void Staged(StoredCertificate certificate) => publish("staged", certificate.Id, Fields(certificate));

    public void Proved(StoredCertificate certificate, string where)
    {
        Log.Proved(log, certificate.Id, where);
        publish("proved", certificate.Id, [.. Fields(certificate), ("where", where)]);
    }

    public void Committed(StoredCertificate certificate)
    {
        Log.Committed(log, certificate.Id, certificate.NotAfter);
        publish("committed", certificate.Id, Fields(certificate));
    }

    public void BootstrapUsed(string certificate, Uri url, string reason)
    {
        Log.BootstrapUsed(log, certificate, url, reason);
        publish("bootstrap", certificate, [("id", certificate), ("url", url.ToString()), ("reason", reason)]);
    }

    /// <summary>A new certificate that will not come into use.</summary>
    public void Dropped(StoredCertificate certificate, string reason)
    {
        Log.Note(log, certificate.Id, $"the new certificate is dropped: {reason}");
        publish("dropped", certificate.Id, [.. Fields(certificate), ("reason", reason)]);
    }

    /// <summary>The EST identity before the one that was refused is in use again.</summary>
    public void TakenBack(StoredCertificate certificate, StoredCertificate refused) =>
        publish("taken-back", certificate.Id, [.. Fields(certificate), ("refused", refused.Spki)]);

    /// <summary>Another certificate is in use under this id, that we have not issued: brought by a caller, or an operator's file.</summary>
    public void Replaced(StoredCertificate certificate) =>
        publish("replaced", certificate.Id, [.. Fields(certificate), ("by", certificate.Kind == StoredKind.Operator ? "operator" : "caller")]);

    public void Deleted(string id) => publish("deleted", id, [("id", id)]);

    /// <summary>A certificate whose key is its caller's should be asked for again.</summary>
    /// <param name="reason"><c>expiry</c>, <c>issuer_renewed</c> or <c>issuer_distrusted</c>.</param>
    public void Expiring(StoredCertificate certificate, string reason)
    {
        Log.Expiring(log, certificate.Id, certificate.NotAfter, reason);
        publish("expiring", certificate.Id, [.. Fields(certificate), ("reason", reason)]);
    }

    public void Expired(StoredCertificate certificate)
    {
        Log.Expired(log, certificate.Id, certificate.NotAfter);
        publish("expired", certificate.Id, Fields(certificate));
    }

    public void RenewalAsked(string id, string by)
    {
        Log.RenewalAsked(log, id, by);
        publish("renewal-asked", id, [("id", id), ("by", by)]);
    }

    public void Rescue(string id, string way, string by)
    {
        Log.Rescue(log, id, way, by);
        publish("rescue", id, [("id", id), ("way", way), ("by", by)]);
    }

    public void RescueRefused(string by, ProblemException problem)
    {
        Log.RescueRefused(log, by, problem.ToLogText());
        publish("rescue-refused", "rescue", [("by", by), ("code", problem.Code), ("message", problem.Message)]);
    }

    public void RescueEnded(string id, RescueGrant grant, string why)
    {
        Log.RescueEnded(log, id, grant.By, why);
        publish("rescue-ended", id, [("id", id), ("by", grant.By), ("reason", why)]);
    }

    /// <param name="undone">It is trusted again.</param>
    public void Distrusted(string issuer, bool undone, string by)
    {
        Log.Distrusted(log, issuer, undone ? "trusted again" : "distrusted", by);
        publish(undone ? "trusted-again" : "distrusted", issuer, [("issuer", issuer), ("by", by)]);
    }

    public void AnchorLearnt(string origin, LearntAnchor anchor)
    {
        Log.AnchorLearnt(log, origin, anchor.Subject, anchor.NotAfter, anchor.By);
        publish("trust", origin, AnchorFields(origin, anchor, "learnt"));
    }

    public void AnchorDropped(string origin, LearntAnchor anchor)
    {
        Log.AnchorDropped(log, origin, anchor.Subject, anchor.NotAfter);
        publish("trust", origin, AnchorFields(origin, anchor, "dropped"));
    }

    /// <summary>Something that a person should know and that is nobody's failed attempt.</summary>
    public void Note(string id, string what) => Log.Note(log, id, what);

    private static (string Name, string? Value)[] Fields(StoredCertificate certificate) =>
        [("id", certificate.Id), ("spki", certificate.Spki), ("notAfter", Utc.Format(certificate.NotAfter))];

    private static (string Name, string? Value)[] AnchorFields(string origin, LearntAnchor anchor, string change) =>
    [
        ("id", origin), ("change", change), ("subject", anchor.Subject), ("spki", anchor.Spki), ("by", anchor.By), ("notAfter", Utc.Format(anchor.NotAfter)),
    ];

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information,
            "certificate '{Id}' ({Subject}) issued by {Issuer} from {Url} with credential '{Credential}' in {Seconds} s; it expires {NotAfter:yyyy-MM-dd HH:mm:ss}Z")]
        public static partial void Issued(ILogger logger, string id, string subject, string issuer, string url, string credential, string seconds, object notAfter);

        [LoggerMessage(2, LogLevel.Warning, "certificate '{Id}' from {Url} with credential '{Credential}': attempt {Attempt} failed, next try in {Seconds} s: {Problem}")]
        public static partial void Failed(ILogger logger, string id, string url, string credential, object attempt, string seconds, string problem);

        [LoggerMessage(8, LogLevel.Warning, "certificate '{Id}': attempt {Attempt} failed before anything was asked for, next try in {Seconds} s: {Problem}")]
        public static partial void FailedEarly(ILogger logger, string id, object attempt, string seconds, string problem);

        [LoggerMessage(3, LogLevel.Information, "certificate '{Id}' from {Url} with credential '{Credential}': the server asks for patience (202); the same request again in {Seconds} s")]
        public static partial void Pending(ILogger logger, string id, string url, string credential, string seconds);

        [LoggerMessage(4, LogLevel.Information, "certificate '{Id}' is proved: {Where}")]
        public static partial void Proved(ILogger logger, string id, string where);

        [LoggerMessage(5, LogLevel.Information, "certificate '{Id}' is in use, until {NotAfter:yyyy-MM-dd HH:mm:ss}Z")]
        public static partial void Committed(ILogger logger, string id, object notAfter);

        [LoggerMessage(6, LogLevel.Warning, "audit: the bootstrap identity '{Certificate}' is used at {Url}: {Reason}")]
        public static partial void BootstrapUsed(ILogger logger, string certificate, Uri url, string reason);

        [LoggerMessage(9, LogLevel.Warning,
            "certificate '{Id}' expires {NotAfter:yyyy-MM-dd HH:mm:ss}Z and is renewed by whoever has its key only ({Reason}): he should ask for another one")]
        public static partial void Expiring(ILogger logger, string id, object notAfter, string reason);

        [LoggerMessage(10, LogLevel.Warning, "certificate '{Id}' has expired {NotAfter:yyyy-MM-dd HH:mm:ss}Z, and nobody has asked for another one")]
        public static partial void Expired(ILogger logger, string id, object notAfter);

        [LoggerMessage(11, LogLevel.Warning, "audit: the certificate '{Id}' is renewed before its time: {By}")]
        public static partial void RenewalAsked(ILogger logger, string id, string by);

        [LoggerMessage(12, LogLevel.Warning, "audit: rescue of '{Id}' by {Way}: {By}")]
        public static partial void Rescue(ILogger logger, string id, string way, string by);

        [LoggerMessage(13, LogLevel.Warning, "audit: a rescue was refused: {By}: {Problem}")]
        public static partial void RescueRefused(ILogger logger, string by, string problem);

        [LoggerMessage(14, LogLevel.Warning, "audit: the rescue of '{Id}' ({By}) is over: {Why}")]
        public static partial void RescueEnded(ILogger logger, string id, string by, string why);

        [LoggerMessage(15, LogLevel.Warning, "audit: '{Issuer}' is {What}: {By}")]
        public static partial void Distrusted(ILogger logger, string issuer, string what, string by);

        [LoggerMessage(16, LogLevel.Warning, "audit: {Origin} has a new root, '{Subject}' (until {NotAfter:yyyy-MM-dd HH:mm:ss}Z), which '{By}' vouches for; it is trusted there from now on")]
        public static partial void AnchorLearnt(ILogger logger, string origin, string subject, object notAfter, string by);

        [LoggerMessage(17, LogLevel.Information, "{Origin}: the root '{Subject}', learnt from it, has expired ({NotAfter:yyyy-MM-dd HH:mm:ss}Z) and is forgotten")]
        public static partial void AnchorDropped(ILogger logger, string origin, string subject, object notAfter);

        [LoggerMessage(7, LogLevel.Warning, "certificate '{Id}': {What}")]
        public static partial void Note(ILogger logger, string id, string what);
    }
}
