using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Certd;

/// <summary>From <c>[cert_issuance]</c> to <see cref="CertificateIssuance"/>.</summary>
internal static class IssuanceBinder
{
    public static Dictionary<string, CertificateIssuance> Bind(TomlView table)
    {
        var issuance = new Dictionary<string, CertificateIssuance>(StringComparer.Ordinal);
        foreach (var entry in table.Entries)
        {
            if (entry.Name == CertdSchema.Est.Name) continue;
            var details = new TomlView(entry.Value as TomlTable, entry.Position);
            var method = details.Exists ? details.Text(CertdSchema.Method)?.Value : entry.Value.Text;
            if (Method(method) is { } known) issuance.Add(entry.Name, Bind(details, known, entry.Value.Position));
        }

        return issuance;
    }

    public static BootstrapUse Use(TomlView table) => table.Text(CertdSchema.BootstrapUse)?.Value switch
    {
        "first-issue" => BootstrapUse.FirstIssue,
        "always" => BootstrapUse.Always,
        _ => BootstrapUse.Expired,
    };

    public static RenewalSettings? Renewal(TomlView table) => !table.Exists ? null : new RenewalSettings
    {
        From = LifetimeSpan.Parse(table.Text(CertdSchema.RenewalFrom)?.Value),
        Until = LifetimeSpan.Parse(table.Text(CertdSchema.RenewalUntil)?.Value),
        Retry = LifetimeSpan.Parse(table.Text(CertdSchema.RenewalRetry)?.Value),
        RotateKey = table.Boolean(CertdSchema.RotateKey)?.Value ?? true,
    };

    private static CertificateIssuance Bind(TomlView details, IssuanceMethod method, Position position)
    {
        var subject = Subject(details.Table(IssuanceSchema.Subject));
        return new CertificateIssuance
        {
            Method = method,
            Position = position,
            KeyAlgorithm = details.Text(CertdSchema.KeyAlgorithm)?.Value ?? CertdSchema.DefaultKeyAlgorithm,
            KeyAlgorithmIsConfigured = details.Text(CertdSchema.KeyAlgorithm) is not null,
            CommonName = details.Text(CertdSchema.CommonName)?.Value ?? subject?.Find(static field => field.Oid == SubjectAttributeType.CommonName)?.Value,
            Subject = subject,
            Profile = details.Text(IssuanceSchema.Profile)?.Value switch
            {
                "client" => IssuanceProfile.Client,
                "server" => IssuanceProfile.Server,
                "ca" => IssuanceProfile.Ca,
                _ => null,
            },
            AlternativeNames = Names(details.TextList(IssuanceSchema.AlternativeNames)?.Value),
            ExpiryDays = (int?)details.Integer(IssuanceSchema.ExpiryDays)?.Value,
            PathLength = (int?)details.Integer(IssuanceSchema.PathLength)?.Value,
            Url = Url(details),
            Auth = Auth(details.Table(CertdSchema.Auth)),
            Csr = CsrSchema.Bind(details.Table(CsrSchema.Csr)),
            Renewal = Renewal(details.Table(CertdSchema.Renewal)),
        };
    }

    private static IssuanceMethod? Method(string? word) => word switch
    {
        "est" => IssuanceMethod.Est,
        "device-ca" => IssuanceMethod.DeviceCa,
        "self_signed" => IssuanceMethod.SelfSigned,
        _ => null,
    };

    private static List<SubjectField>? Subject(TomlView table)
    {
        if (!table.Exists) return null;
        var fields = new List<SubjectField>();
        foreach (var entry in table.Entries)
        {
            if (entry.Value.Kind == TomlKind.Text && SubjectAttributeType.Find(entry.Name) is { } attribute) fields.Add(new(attribute.Oid, entry.Value.Text));
        }

        return fields;
    }

    private static List<AlternativeName>? Names(IReadOnlyList<string>? texts)
    {
        if (texts is null) return null;
        var names = new List<AlternativeName>(texts.Count);
        foreach (var text in texts)
        {
            if (AlternativeName.Parse(text) is { } name) names.Add(name);
        }

        return names;
    }

    private static Positioned<Uri>? Url(TomlView details) =>
        details.Text(IssuanceSchema.Url) is { } text && Forms.Text(text.Value) is null && EstUrl.Parse(text.Value, out var url) is null ? new(url!, text.Position) : null;

    private static EstAccess? Auth(TomlView table) => !table.Exists ? null : new EstAccess
    {
        Position = table.Position,
        IdentityCert = table.Text(CertdSchema.IdentityCert)?.Value,
        IdentityPk = table.Text(CertdSchema.IdentityPk)?.Value,
        BootstrapIdentityCert = table.Text(CertdSchema.BootstrapIdentityCert)?.Value,
        BootstrapIdentityPk = table.Text(CertdSchema.BootstrapIdentityPk)?.Value,
        BootstrapUse = Use(table),
        Username = table.Text(CertdSchema.Username)?.Value,
        PasswordFile = table.Text(CertdSchema.PasswordFile),
    };
}
