using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;
using EstProv.Platform;

namespace EstProv.Configuration.Certd;

/// <summary>From the tree to <see cref="CertdConfiguration"/>.</summary>
internal static class CertdBinder
{
    public static CertdConfiguration Bind(TomlView root, BindContext context)
    {
        var issuance = root.Table(CertdSchema.Issuance);
        var files = new Dictionary<string, Positioned<string>>(StringComparer.Ordinal);
        var bundles = new Dictionary<string, Positioned<IReadOnlyList<string>>>(StringComparer.Ordinal);
        foreach (var entry in root.Table(CertdSchema.PreloadedCerts).Entries)
        {
            if (entry.Value is TomlArray list) bundles.Add(entry.Name, TomlView.Texts(list));
            else if (entry.Value.Kind == TomlKind.Text) files.Add(entry.Name, new(FileUri.ToPath(entry.Value.Text), entry.Value.Position));
        }

        var configuration = new CertdConfiguration
        {
            HomedirPath = root.Text(CertdSchema.HomedirPath)?.Value ?? CommonSettings.DefaultHomedir(CertdSchema.Daemon),
            MaxRequests = (int)(root.Integer(CommonSettings.MaxRequests)?.Value ?? CommonSettings.DefaultMaxRequests),
            AliasSockets = root.TextList(CertdSchema.AliasSockets)?.Value ?? [],
            Issuance = IssuanceBinder.Bind(issuance),
            Est = Est(issuance.Table(CertdSchema.Est)),
            PreloadedFiles = files,
            PreloadedBundles = bundles,
            Distrusted = Distrusted(root),
            DistrustSpread = LifetimeSpan.Parse(root.Text(CertdSchema.DistrustSpread)?.Value ?? CertdSchema.DefaultDistrustSpread)?.Time ?? TimeSpan.FromDays(1),
            Principals = Principals(root, context),
        };
        CertdRules.Check(configuration, root, context);
        return configuration;
    }

    private static EstIssuance? Est(TomlView table)
    {
        if (!table.Exists) return null;
        var urls = new Dictionary<string, Positioned<Uri>>(StringComparer.Ordinal);
        foreach (var entry in table.Table(CertdSchema.Urls).Entries)
        {
            if (entry.Value.Kind == TomlKind.Text && Forms.Text(entry.Value.Text) is null && EstUrl.Parse(entry.Value.Text, out var url) is null)
            {
                urls.Add(entry.Name, new(url!, entry.Value.Position));
            }
        }

        return new EstIssuance
        {
            Method = table.Text(CertdSchema.EstMethod)?.Value == "basic" ? EstAuthentication.Basic : EstAuthentication.X509,
            Position = table.Position,
            IdentityCert = table.Text(CertdSchema.IdentityCert)?.Value,
            IdentityPk = table.Text(CertdSchema.IdentityPk)?.Value,
            BootstrapIdentityCert = table.Text(CertdSchema.BootstrapIdentityCert)?.Value,
            BootstrapIdentityPk = table.Text(CertdSchema.BootstrapIdentityPk)?.Value,
            BootstrapUse = IssuanceBinder.Use(table),
            Username = table.Text(CertdSchema.Username)?.Value,
            PasswordFile = table.Text(CertdSchema.PasswordFile),
            PasswordIsHashed = table.Text(CertdSchema.HttpAuthentication)?.Value == "digest",
            TrustedCerts = table.TextList(CertdSchema.TrustedCerts),
            RescueCerts = table.TextList(CertdSchema.RescueCerts),
            TrustSystem = table.Text(CertdSchema.Trust)?.Value == "system",
            CaFingerprint = Fingerprint(table.Text(CertdSchema.CaFingerprint)),
            Proxy = table.Text(CertdSchema.Proxy),
            ChannelBinding = table.Boolean(CertdSchema.ChannelBinding)?.Value ?? false,
            Urls = urls,
            Headers = Headers(table.Table(CertdSchema.Headers)),
            Renewal = IssuanceBinder.Renewal(table.Table(CertdSchema.Renewal)),
        };
    }

    private static Positioned<byte[]>? Fingerprint(Positioned<string>? text) =>
        text is { } known && Sha256Fingerprint.Parse(known.Value) is { } hash ? new(hash, known.Position) : null;

    private static List<KeyValuePair<string, string>> Headers(TomlView table)
    {
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var entry in table.Entries)
        {
            if (entry.Value.Kind == TomlKind.Text) headers.Add(new(entry.Name, entry.Value.Text));
        }

        return headers;
    }

    private static List<IssuerName> Distrusted(TomlView root)
    {
        var names = new List<IssuerName>();
        foreach (var text in root.TextList(CertdSchema.Distrusted)?.Value ?? [])
        {
            if (IssuerName.Parse(text) is { } name && !names.Contains(name)) names.Add(name);
        }

        return names;
    }

    private static List<CertificatePrincipal> Principals(TomlView root, BindContext context)
    {
        var principals = new List<CertificatePrincipal>();
        foreach (var principal in root.Repeated(CertdSchema.Principal))
        {
            var operations = principal.TextList(CertdSchema.Operations)?.Value ?? [];
            if (Schema.Principals.Uid(principal, context.FindUser, context.Problems) is not { } uid) continue;
            principals.Add(new CertificatePrincipal
            {
                Uid = uid,
                Certs = principal.TextList(CertdSchema.Certs)?.Value ?? [],
                Issuers = principal.TextList(CertdSchema.Issuers)?.Value ?? [],
                MayRescue = operations.Contains("rescue"),
                MayDistrust = operations.Contains("distrust"),
                Csr = CsrSchema.Bind(principal.Table(CsrSchema.Csr)),
            });
        }

        return principals;
    }
}
