using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Certd;

/// <summary>What must hold within each <c>[cert_issuance.ID]</c>.</summary>
internal sealed class IssuanceRules(CertdConfiguration configuration, Problems problems)
{
    private const string OverEst = "take it away; or set method = \"est\"";

    private static readonly string[] KeyIsOurs = ["device-id", CertdSchema.DeviceCa];

    public static void Check(CertdConfiguration configuration, TomlView issuance, Problems problems)
    {
        var rules = new IssuanceRules(configuration, problems);
        foreach (var (id, known) in configuration.Issuance)
        {
            if (issuance.Find(id) is TomlTable table) rules.CheckCertificate(id, known, new TomlView(table, table.Position));
        }
    }

    private void CheckCertificate(string id, CertificateIssuance known, TomlView table)
    {
        var path = Shown.Key("cert_issuance", id);
        CheckSubject(table, path);
        CheckWithoutEffect(id, known, table, path);
        var isCa = known.Profile == IssuanceProfile.Ca || (known.Profile is null && id == CertdSchema.DeviceCa);
        if (!isCa && table.Integer(IssuanceSchema.PathLength) is { } length)
            problems.Error(length.Position, $"{path}.path_length is for CAs", "set profile = \"ca\", or take it away");
        if (id == CertdSchema.DeviceCa && !isCa)
            problems.Error(table.Text(IssuanceSchema.Profile)!.Value.Position, $"{path}.profile: this certificate signs others; allowed: \"ca\"", "use another id");
        if (known.Csr is { } csr)
        {
            if (Array.IndexOf(KeyIsOurs, id) >= 0 || configuration.Est?.IdentityCert == id)
                problems.Warn(csr.Position, $"[{path}.csr] has no effect: the key of this certificate is in keyd, no caller asks for it",
                    "take the table away");
            if (csr.PathLength is not null && csr.Ca != true)
                problems.Warn(csr.Position, $"{path}.csr.path_length has no effect without ca = true", "add ca = true, or take it away");
        }
    }

    private void CheckSubject(TomlView table, string path)
    {
        var subject = table.Table(IssuanceSchema.Subject);
        if (!subject.Exists) return;
        path = $"{path}.{IssuanceSchema.Subject.Name}";
        if (table.Text(CertdSchema.CommonName) is { } name)
            problems.Error(name.Position, $"[{path}] stands beside common_name; allowed: one of them", "put it into the subject as CN");
        if (subject.Entries.Count == 0) problems.Error(subject.Position, $"[{path}] is empty", "name at least one attribute, such as O = \"Example\"");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in subject.Entries)
        {
            var key = Shown.Key(path, entry.Name);
            if (SubjectAttributeType.Find(entry.Name) is not { } attribute)
            {
                problems.Error(entry.Position, $"{key} is no attribute of a subject that is known; allowed: {string.Join(", ", SubjectAttributeType.Names)}, or a dotted OID",
                    NearestName.Find(entry.Name, SubjectAttributeType.Names) is { } near
                        ? $"did you mean {near}?"
                        : "such as O = \"Example\"");
                continue;
            }

            if (!seen.Add(attribute.Oid))
                problems.Error(entry.Position, $"{key} stands twice in this subject under two names", "keep one of the two");
            if (entry.Value.Kind != TomlKind.Text || Forms.Text(entry.Value.Text) is not null) continue;
            if (attribute.Check(entry.Value.Text) is { } fault) problems.Error(entry.Value.Position, $"{key} = {Shown.Value(entry.Value.Text)} {fault.What}", fault.Hint);
        }
    }

    private void CheckWithoutEffect(string id, CertificateIssuance known, TomlView table, string path)
    {
        if (known.Method == IssuanceMethod.Est)
        {
            if (table.Integer(IssuanceSchema.ExpiryDays) is { } days)
                problems.Warn(days.Position, $"{path}.expiry_days has no effect with method = \"est\": the EST server decides",
                    "take it away; how long a certificate lasts is set in the server's profile");
            if (known.Url is { } both && configuration.Est is { } est && est.Urls.ContainsKey(id))
                problems.Error(both.Position, $"{path}.url: this certificate has a URL in [cert_issuance.est.urls] as well; allowed: one of them", "take one of the two away");
            return;
        }

        if (table.Text(IssuanceSchema.Url) is { } url)
            problems.Warn(url.Position, $"{path}.url has no effect: this certificate does not come over EST", OverEst);
        if (known.Auth is { } auth)
            problems.Warn(auth.Position, $"[{path}.auth] has no effect: this certificate does not come over EST", OverEst);
    }
}
