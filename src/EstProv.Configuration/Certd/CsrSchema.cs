using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Certd;

/// <summary>The keys of <c>[cert_issuance.ID.csr]</c> and <c>[principal.csr]</c>.</summary>
internal static class CsrSchema
{
    public static readonly Setting Subject = new("subject", SettingKind.TextList,
        "What may stand in the subject: for each attribute `NAME=pattern`, in which `*` stands for any characters and `?` for one; `host`: this machine's name as `CN`; `*`: anything. An " +
        "attribute that no element names is refused. A subject that the configuration replaces is not looked at.")
    {
        Default = "`[\"*\"]`",
        ElementForm = "\"*\", \"host\", or one such as \"CN=edge-*\" or \"O=Example\"",
        Check = CheckSubject,
        Example = "[\"CN=edge-*\", \"O=Example\"]",
    };

    public static readonly Setting AlternativeNames = new("alternative_names", SettingKind.TextList,
        "What may stand among the alternative names (SAN): patterns with `*` and `?`, of IP addresses an address or a network; `host`: this machine's name and addresses; `*`: anything. " +
        "A wildcard name such as `*.example.com` is asked for in vain unless it stands here letter for letter.")
    {
        Default = "`module-server`: `[\"DNS:*\", \"IP:*\"]`; `module-id`: `[\"DNS:*\", \"URI:*\"]`; others: `[\"*\"]`",
        ElementForm = AlternativeName.PatternForm,
        Check = AlternativeName.CheckPattern,
        Example = "[\"host\", \"DNS:*.example.com\"]",
    };

    public static readonly Setting Usages = new("usages", SettingKind.TextList,
        "The extended key usages that may be asked for: `server` (serverAuth), `client` (clientAuth).")
    {
        Default = "`module-server`: `[\"server\"]`; `module-id`: `[\"client\"]`; others: both",
        ElementForm = "\"server\" or \"client\"",
        Choices = ["server", "client"],
        Example = "[\"server\"]",
    };

    public static readonly Setting Ca = new("ca", SettingKind.Boolean,
        "`true`: a CA certificate may be asked for, as IoT Edge does for `aziot-edged-ca`. Whoever has such a certificate can make others that everybody believes who believes its issuer.")
    {
        Default = "`false`",
        Example = "true",
    };

    public static readonly Setting PathLength = new("path_length", SettingKind.Integer, "How many CAs may follow below such a CA; a request that asks for more gets this many where the certificate is made on the device.")
    {
        Default = "`0`",
        Smallest = 0,
        Largest = 10,
        Example = "0",
    };

    public static readonly Section Csr = new("csr",
        "What a caller's certificate request (`POST /certificates`) may ask. `[cert_issuance.ID.csr]` is for all callers; `[principal.csr]` behind a `[[principal]]` says otherwise for the " +
        "certificates of that entry. A refused request is answered with what was refused and the line of the policy.")
    {
        Settings = [Subject, AlternativeNames, Usages, Ca, PathLength],
    };

    public static CsrPolicy? Bind(Toml.TomlView table) => !table.Exists ? null : new CsrPolicy
    {
        Position = table.Position,
        Subject = table.TextList(Subject)?.Value,
        AlternativeNames = table.TextList(AlternativeNames)?.Value,
        Usages = table.TextList(Usages)?.Value,
        Ca = table.Boolean(Ca)?.Value,
        PathLength = (int?)table.Integer(PathLength)?.Value,
    };

    private static Fault? CheckSubject(string pattern)
    {
        if (pattern is "*" or "host") return null;
        var equals = pattern.IndexOf('=');
        if (equals <= 0) return new Fault("names no attribute", $"write CN={pattern}");
        var name = pattern[..equals];
        if (SubjectAttributeType.Find(name) is not null) return null;
        return new Fault("names an attribute that is not known",
            NearestName.Find(name, SubjectAttributeType.Names) is { } near ? $"did you mean {near}=?" : "a dotted OID is taken, too");
    }
}
