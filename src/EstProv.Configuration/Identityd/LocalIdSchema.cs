using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Identityd;

/// <summary>The keys of <c>[localid]</c> and <c>[principal.localid]</c>.</summary>
internal static class LocalIdSchema
{
    public const string Server = "server";

    // With a module's and the host's name before it, it has to fit into a common name of 64 characters (RFC 5280, ub-common-name).
    private const int LongestDomain = 48;

    public static readonly Setting Domain = new("domain", SettingKind.Text,
        "What all local identities belong to: the common name of `agent`'s certificate is `agent.HOST.DOMAIN`, HOST being the device's host name.")
    {
        Required = true,
        Form = $"a DNS name of at most {LongestDomain} characters",
        Check = CheckDomain,
        Example = "\"devices.example.com\"",
    };

    public static readonly Setting CertId = new("cert_id", SettingKind.Text,
        "The certificate id of certd's whose `[cert_issuance]` says how local identities are issued, how long they live, and what they may be.")
    {
        Default = "each by an id like its own name",
        Form = "a certificate id",
        Check = Forms.Id,
        Example = "\"local-id\"",
    };

    public static readonly Section LocalId = new("localid", "Local identities: certificates and keys for processes of this device, issued by certd. Without it there are none.")
    {
        Settings = [Domain, CertId],
    };

    public static readonly Setting Type = new("type", SettingKind.Text, "What a local identity is.")
    {
        Default = "`\"x509\"`",
        Choices = ["x509"],
        Example = "\"x509\"",
    };

    public static readonly Setting Attributes = new("attributes", SettingKind.Text,
        "What its certificate is for: a TLS `client`, or a TLS `server`, which may be a client too and has its name as an alternative name.")
    {
        Default = "`\"client\"`",
        Choices = ["client", Server],
        Example = "\"server\"",
    };

    public static readonly Section Options = new("localid", "The local identity of this `[[principal]]`, whose `idtype` has `local`.")
    {
        Settings = [Type, Attributes],
    };

    /// <summary>Letters, digits and dashes between dots (RFC 1123 section 2.1).</summary>
    private static Fault? CheckDomain(string value)
    {
        if (value.Length > LongestDomain) return new Fault($"is longer than {LongestDomain} characters");
        foreach (var label in value.Split('.'))
        {
            if (label.Length == 0 || label[0] == '-' || label[^1] == '-') return new Fault("is no DNS name");
            foreach (var character in label)
            {
                if (!char.IsAsciiLetterOrDigit(character) && character != '-') return new Fault("is no DNS name");
            }
        }

        return null;
    }
}
