using EstProv.Platform;

namespace EstProv.Certificates.Rescue;

/// <summary>Why a rescue is refused: one code for each cause.</summary>
internal static class RescueProblems
{
    private const string AnotherFile = "have another file made, see 'Rescue' in the Certificates Service's page";

    public static ProblemException NotConfigured() => new("rescue_not_configured", "no rescue file is accepted here: rescue_certs names nobody who may sign one",
        "add rescue_certs to [cert_issuance.est], or bring a one-time credential: estprov rescue --user", 400);

    public static ProblemException NoIdentity() => new("rescue_no_identity", "there is no EST identity here that could be rescued",
        "a rescue is for [cert_issuance.est] with method = \"x509\"", 400);

    public static ProblemException NoBootstrap() => new("rescue_no_bootstrap", "the rescue file allows the bootstrap identity, and none is configured",
        "have a file made with a one-time credential (Allow: one-time)", 400);

    public static ProblemException Unreadable(string what, Exception? cause = null) => new("rescue_unreadable", $"this is no rescue file: {what}",
        "sign the text with: openssl cms -sign -binary -nodetach -outform DER -in TEXT -signer CERT -inkey KEY", 400, cause);

    /// <summary>What is signed is at fault, not how.</summary>
    public static ProblemException Text(string what, Exception? cause = null) => new("rescue_unreadable",
        $"the text of the rescue file is not right: {what}",
        "correct the text and sign it again; 'Rescue' in the Certificates Service's page has its lines", 400, cause);

    public static ProblemException Signature(Exception? cause = null) => new("rescue_signature", "the rescue file's signature does not belong to its content",
        "it was changed or cut on its way: bring it again", 400, cause);

    public static ProblemException Signer(string signer, string why, string hint = "have it signed by one of rescue_certs, or under one") =>
        new("rescue_signer", $"the rescue file is signed by '{signer}', who may not: {why}", hint, 400);

    public static ProblemException Digest(string signer) => new("rescue_signer",
        $"the rescue file is signed by '{signer}' with a digest that is not SHA-256 or better",
        "sign it again with -md sha256", 400);

    public static ProblemException SignerExpired(string signer) => new("rescue_signer_expired", $"the rescue file's signer '{signer}' is not valid now by this device's clock",
        "check the device's clock; else have the file signed with a valid certificate", 400);

    public static ProblemException Minted(string certificate) => new("rescue_certs_minted",
        $"'{certificate}' of rescue_certs is a CA that EST servers or this device's certificates are under: who can issue there could sign rescue files",
        "let a key of its own sign rescue files, which nothing else is under", 400);

    public static ProblemException Clock(string clock) => new("rescue_clock", $"nobody can tell whether the rescue file is valid now: the device's clock says {clock} and is not believed",
        "set the clock (date -u -s …), then bring the file again", 503);

    public static ProblemException NotYet(RescueOrder order) => new("rescue_not_yet", $"the rescue file {order.Serial} is valid from {Time(order.NotBefore)} on",
        "check the device's clock, or wait", 400);

    public static ProblemException Expired(RescueOrder order) => new("rescue_expired", $"the rescue file {order.Serial} ended at {Time(order.NotAfter)}", AnotherFile, 400);

    public static ProblemException Device(RescueOrder order, string device) => new("rescue_wrong_device", $"the rescue file {order.Serial} is for another device; this is {device}",
        "bring the file that was made for this device", 400);

    public static ProblemException Used(string serial) => new("rescue_used", $"the rescue file {serial} has been used", "each is good once; " + AnotherFile, 409);

    public static ProblemException Full() => new("rescue_too_many", "too many rescue files are remembered that have not ended yet", "wait until one has ended", 503);

    private static string Time(DateTimeOffset time) => $"{time:yyyy-MM-dd HH:mm:ss}Z";
}
