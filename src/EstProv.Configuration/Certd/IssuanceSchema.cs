using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Certd;

/// <summary>The keys of <c>[cert_issuance.ID]</c> beside method, key algorithm and common name.</summary>
internal static class IssuanceSchema
{
    public static readonly Setting Profile = new("profile", SettingKind.Text,
        "What it is for: `client` (TLS client), `server` (TLS server), `ca` (signs others). An EST server with one profile for all gives its own instead.")
    {
        Default = "`device-ca`: `\"ca\"`; `module-server`: `\"server\"`; others: `\"client\"`",
        Choices = ["client", "server", "ca"],
        Example = "\"client\"",
    };

    public static readonly Setting AlternativeNames = new("alternative_names", SettingKind.TextList,
        "Its alternative names (SAN); `host` stands for this machine's name and its addresses at that time. On a caller's request they are added where it asks for none and the certificate is made on the device.")
    {
        Default = "`[\"host\"]` with the profile `server`, else `[]`",
        ElementForm = AlternativeName.Form,
        Check = AlternativeName.Check,
        Example = "[\"host\", \"DNS:edge.example.com\"]",
    };

    public static readonly Setting ExpiryDays = new("expiry_days", SettingKind.Integer,
        "How many days it is valid, never longer than its issuer; with `device-ca` and `self_signed`, since an EST server decides for itself.")
    {
        Default = "`30`; of a self-signed CA `3650`",
        Smallest = 1,
        Largest = 36_500,
        Example = "90",
    };

    public static readonly Setting PathLength = new("path_length", SettingKind.Integer, "Of a CA: how many CAs may follow below it (RFC 5280 section 4.2.1.9).")
    {
        Default = "`0`",
        Smallest = 0,
        Largest = 10,
        Example = "0",
    };

    public static readonly Setting Url = new("url", SettingKind.Text, "Its own EST URL, in place of an entry in `[cert_issuance.est.urls]`.")
    {
        Form = "an https URL such as https://est.example.com/.well-known/est",
        Check = Forms.EstUrl,
        Example = "\"https://est.example.com/.well-known/est/label\"",
    };

    public static readonly Section Subject = new("subject",
        "The whole subject, in the order in which it stands here, in place of `common_name`. Without a `CN` it gets the one that it would have without this table, at its end. On a caller's request " +
        "it replaces the request's where the certificate is made on the device.")
    {
        Entry = new Setting("ATTRIBUTE", SettingKind.Text,
            "`CN`, `O`, `OU`, `L`, `ST`, `C`, `DC`, `street`, `UID`, `SN`, `GN`, `title`, `serialNumber`, `dnQualifier`, `emailAddress`, or a dotted OID in quotes.")
        {
            Form = "the attribute's value",
            ExampleName = "O",
            Example = "\"Example\"",
        },
    };
}
