using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Paths;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Est;

/// <summary>Words for what is wrong with an issued certificate.</summary>
internal sealed class IssuedProblems(IssuedFrom? from)
{
    private const int BadGateway = 502;

    private string What => from is { CertificateId.Length: > 0 } ? $"the certificate issued for {from.CertificateId}" : "the issued certificate";

    private string Where => from is null ? "" : $" by {from.Url} with credential '{from.Credential}'";

    private string UrlKey => from is { CertificateId.Length: > 0 } ? $"urls.\"{from.CertificateId}\"" : "its URL";

    public ProblemException WrongKey(X509Certificate2Collection certificates) => new("est_wrong_key",
        $"{What}{Where} is for another key than ours ('{(certificates.Count > 0 ? Names.Subject(certificates[0]) : "none")}')",
        "the server makes keys itself, or mixes up requests: look into its log", BadGateway);

    public ProblemException Expired(X509Certificate2 leaf, BelievedClock clock) => new("est_expired",
        $"{What}{Where}, '{Names.Subject(leaf)}', has already expired: it is valid from {Names.Date(leaf.NotBefore)} to {Names.Date(leaf.NotAfter)}, {Names.Clock(clock)}",
        "set the device's clock, or the server's; the server's profile may give too short a validity", BadGateway);

    public ProblemException NotYetValid(X509Certificate2 leaf, BelievedClock clock) => new("est_not_yet_valid",
        $"{What}{Where}, '{Names.Subject(leaf)}', is not yet valid: it starts on {Names.Date(leaf.NotBefore)}, {Names.Clock(clock)}",
        "set the device's clock, or the server's", BadGateway);

    public ProblemException NotCa(X509Certificate2 leaf, bool isCa) => new("est_not_ca",
        $"{What}{Where}, '{Names.Subject(leaf)}', is no CA certificate{(isCa ? " (it may not sign certificates)" : "")}, but one was asked for",
        $"this URL does not issue CA certificates: set {UrlKey} to the EST URL (label) whose profile does", BadGateway);

    public ProblemException IsCa(X509Certificate2 leaf) => new("est_is_ca",
        $"{What}{Where}, '{Names.Subject(leaf)}', is a CA certificate, but none was asked for",
        $"this URL issues CA certificates only: set {UrlKey} to the EST URL (label) for client or server certificates", BadGateway);

    public ProblemException Chain(X509Certificate2 leaf, PathFailure failure, X509Certificate2Collection trusted, BelievedClock clock)
    {
        var who = failure.Certificate.Equals(leaf) ? "" : $" at '{Names.Subject(failure.Certificate)}'";
        return failure.Kind switch
        {
            PathFailureKind.UnknownIssuer => new("est_chain",
                $"{What}{Where}, '{Names.Subject(leaf)}', leads to the unknown CA '{Names.Issuer(failure.Certificate)}'; known are: {Names.Anchors(trusted)}",
                "the server's /cacerts must have the certificates from the issuing CA up to a root, or the root must be trusted", BadGateway),
            PathFailureKind.Expired or PathFailureKind.NotYetValid => new("est_chain",
                $"{What}{Where}, '{Names.Subject(leaf)}', has no valid path{who}: {failure.Detail}, {Names.Clock(clock)}",
                "renew the CA certificate, or set the device's clock", BadGateway),
            _ => new("est_chain", $"{What}{Where}, '{Names.Subject(leaf)}', has no valid path{who}: {failure.Detail}",
                "the CA is set up wrongly: its operator has to compare its certificate with the server's /cacerts", BadGateway),
        };
    }

    public ProblemException NothingBelow(X509Certificate2 leaf, X509Certificate2 issuer) => new("est_chain",
        $"{What}{Where}, '{Names.Subject(leaf)}', is a CA certificate that nothing can be issued with: the path length of '{Names.Subject(issuer)}' does not allow it",
        "the issuing CA needs a greater path length, or none", BadGateway);

    public ProblemException SelfIssued(X509Certificate2 leaf) => new("est_chain",
        $"{What}{Where}, '{Names.Subject(leaf)}', is itself one of the CA certificates",
        "the server must issue what its CA signed, and its /cacerts must have CA certificates alone", BadGateway);
}
