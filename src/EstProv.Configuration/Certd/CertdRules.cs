using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Certd;

/// <summary>What must hold between the keys of <c>certd.toml</c>.</summary>
internal sealed class CertdRules
{
    private const string EstPath = "cert_issuance.est";

    private readonly CertdConfiguration _configuration;
    private readonly TomlView _issuance;
    private readonly TomlView _preloaded;
    private readonly Problems _problems;

    private CertdRules(CertdConfiguration configuration, TomlView root, Problems problems)
    {
        _configuration = configuration;
        _issuance = root.Table(CertdSchema.Issuance);
        _preloaded = root.Table(CertdSchema.PreloadedCerts);
        _problems = problems;
    }

    public static void Check(CertdConfiguration configuration, TomlView root, BindContext context)
    {
        if (!context.Complete) return;
        var rules = new CertdRules(configuration, root, context.Problems);
        rules.CheckBundles();
        rules.CheckDeviceCa();
        rules.CheckRenewal();
        IssuanceRules.Check(configuration, rules._issuance, context.Problems);
        var est = rules._issuance.Table(CertdSchema.Est);
        if (configuration.Est is null)
        {
            rules.CheckNothingNeedsEst();
            return;
        }

        rules.CheckAuthentication(configuration.Est, est);
        rules.CheckBootstrap(est);
        rules.CheckOwnAuthentication();
        rules.CheckHeaders(est);
        rules.CheckTrust(configuration.Est, est);
        rules.CheckRescue(configuration.Est, est);
        rules.CheckUrls(configuration.Est, est);
    }

    private void CheckBundles()
    {
        foreach (var (id, members) in _configuration.PreloadedBundles)
        {
            var path = Shown.Key("preloaded_certs", id);
            CheckElements(_preloaded.Find(id), path);
            if (Reaches(id, id, [])) _problems.Error(members.Position, $"{path} contains itself", "a bundle names files, or bundles that do not lead back to it");
        }
    }

    private bool Reaches(string from, string to, HashSet<string> seen)
    {
        if (!_configuration.PreloadedBundles.TryGetValue(from, out var members) || !seen.Add(from)) return false;
        foreach (var member in members.Value)
        {
            if (member == to || Reaches(member, to, seen)) return true;
        }

        return false;
    }

    private void CheckElements(TomlNode? list, string path)
    {
        foreach (var member in (list as TomlArray)?.Items ?? [])
        {
            if (member.Kind == TomlKind.Text) CheckPreloaded(member.Text, member.Position, path, orIssued: true);
        }
    }

    private void CheckPreloaded(string id, Position position, string path, bool orIssued = false)
    {
        if (IsPreloaded(id) || Forms.Id(id) is not null || (orIssued && _configuration.Issuance.ContainsKey(id))) return;
        var near = NearestName.Find(id, _preloaded.Entries.Select(static entry => entry.Name));
        _problems.Error(position, $"{path} names {Shown.Value(id)}, which is not in [preloaded_certs]; allowed: an id of [preloaded_certs]",
            near is null ? $"add {Shown.Key("", id)} = \"/path/of/its.pem\" to [preloaded_certs]" : $"did you mean \"{near}\"?");
    }

    private bool IsPreloaded(string id) => _preloaded.Find(id) is not null;

    private void CheckDeviceCa()
    {
        var signs = _issuance.Find(CertdSchema.DeviceCa) is not null || _configuration.PreloadedFiles.ContainsKey(CertdSchema.DeviceCa);
        foreach (var (id, issuance) in _configuration.Issuance)
        {
            if (issuance.Method != IssuanceMethod.DeviceCa) continue;
            var path = Shown.Key("cert_issuance", id);
            if (id == CertdSchema.DeviceCa)
            {
                _problems.Error(issuance.Position, $"{path} = \"device-ca\": it cannot sign itself; allowed: \"est\" or \"self_signed\"",
                    "est: the EST server issues it; self_signed: the device makes a root of its own");
            }
            else if (!signs)
            {
                _problems.Error(issuance.Position, $"{path} = \"device-ca\", but cert_issuance.device-ca is missing, so nobody could sign",
                    "add device-ca = \"est\" to [cert_issuance]");
            }
        }
    }

    private void CheckRenewal()
    {
        foreach (var entry in _issuance.Entries)
        {
            if (entry.Value is TomlTable table) CheckWindow(new TomlView(table, entry.Position).Table(CertdSchema.Renewal), Shown.Key("cert_issuance", entry.Name));
        }
    }

    private void CheckWindow(TomlView table, string path)
    {
        var (from, until) = (table.Text(CertdSchema.RenewalFrom), table.Text(CertdSchema.RenewalUntil));
        if ((from ?? until) is not { } written) return;
        var (begin, end) = (from?.Value ?? CertdSchema.DefaultRenewalFrom, until?.Value ?? CertdSchema.DefaultRenewalUntil);
        if (LifetimeSpan.Parse(begin) is not { } first || LifetimeSpan.Parse(end) is not { } last) return;
        // Shares count from the start, times from the end; of one of each, only a certificate's life tells which is first.
        if (first.Share is null != last.Share is null) return;
        if (first.Share is { } share ? share <= last.Share : first.Time >= last.Time) return;
        _problems.Error(written.Position, $"{path}.renewal: the window from {Shown.Value(begin)} until {Shown.Value(end)} ends before it begins",
            "per cent count from a certificate's start, times back from its end");
    }

    private void CheckNothingNeedsEst()
    {
        foreach (var (id, issuance) in _configuration.Issuance)
        {
            if (issuance.Method != IssuanceMethod.Est || _issuance.Find(CertdSchema.Est.Name) is not null) continue;
            _problems.Error(issuance.Position, $"{Shown.Key("cert_issuance", id)} = \"est\", but the table [{EstPath}] is missing",
                $"add [{EstPath}] with method, identity_cert and identity_pk, and [{EstPath}.urls]");
            return;
        }
    }

    private void CheckAuthentication(EstIssuance est, TomlView table)
    {
        if (table.Text(CertdSchema.EstMethod)?.Value == "x509")
        {
            Needs(table, CertdSchema.IdentityCert, "method = \"x509\" needs it");
            Needs(table, CertdSchema.IdentityPk, "method = \"x509\" needs it");
        }
        else if (table.Text(CertdSchema.EstMethod)?.Value == "basic")
        {
            Needs(table, CertdSchema.Username, "method = \"basic\" needs it");
            Needs(table, CertdSchema.PasswordFile, "method = \"basic\" needs it");
        }

        Pair(table, EstPath, CertdSchema.IdentityCert, CertdSchema.IdentityPk);
        Pair(table, EstPath, CertdSchema.Username, CertdSchema.PasswordFile);
        if (table.Text(CertdSchema.HttpAuthentication) is { } use && !table.Has(CertdSchema.Username))
            _problems.Warn(use.Position, $"{EstPath}.http_authentication has no effect without username and password_file",
                "add both, or take it away");

        if (est.Access.IdentityCert is { } identity) CheckComesOverEst(identity);
    }

    private void CheckComesOverEst(string identity)
    {
        if (!_configuration.Issuance.TryGetValue(identity, out var issuance) || issuance.Method == IssuanceMethod.Est) return;
        var (word, hint) = issuance.Method == IssuanceMethod.DeviceCa
            ? ("device-ca", "the device CA itself is got with the EST identity")
            : ("self_signed", "an EST server takes nothing that is signed with its own key");
        _problems.Error(issuance.Position, $"{Shown.Key("cert_issuance", identity)} = \"{word}\", but it is the EST identity; allowed: \"est\"", hint);
    }

    /// <summary>Each <c>[cert_issuance.ID.auth]</c>.</summary>
    private void CheckOwnAuthentication()
    {
        var keys = new Dictionary<string, (string? Key, string Path)>(StringComparer.Ordinal);
        if (_configuration.Est!.Access is { IdentityCert: { } shared } common) keys.Add(shared, (common.IdentityPk, EstPath));
        foreach (var (id, issuance) in _configuration.Issuance)
        {
            if (issuance.Auth is not { } auth || _issuance.Find(id) is not TomlTable own) continue;
            var path = $"{Shown.Key("cert_issuance", id)}.{CertdSchema.Auth.Name}";
            var table = new TomlView(own, own.Position).Table(CertdSchema.Auth);
            if (auth.IdentityCert is null && auth.Username is null)
            {
                _problems.Error(auth.Position,
                    $"[{path}] says nothing of who we are; allowed: identity_cert and identity_pk, username and password_file, or all four",
                    "without the table what [cert_issuance.est] says holds");
            }

            Pair(table, path, CertdSchema.IdentityCert, CertdSchema.IdentityPk);
            Pair(table, path, CertdSchema.Username, CertdSchema.PasswordFile);
            Pair(table, path, CertdSchema.BootstrapIdentityCert, CertdSchema.BootstrapIdentityPk);
            if (table.Text(CertdSchema.BootstrapIdentityCert) is { } bootstrap)
                CheckPreloaded(bootstrap.Value, bootstrap.Position, $"{path}.{CertdSchema.BootstrapIdentityCert.Name}");
            if (auth.IdentityCert is not { } identity) continue;
            CheckComesOverEst(identity);
            if (!keys.TryAdd(identity, (auth.IdentityPk, path)) && keys[identity] is var known && known.Key != auth.IdentityPk && auth.IdentityPk is not null)
            {
                _problems.Error(auth.Position,
                    $"[{path}] has the key {Shown.Value(auth.IdentityPk)} for the certificate {Shown.Value(identity)}, [{known.Path}] another one",
                    "a certificate goes with one key everywhere");
            }

            if (identity != id && _configuration.Issuance.GetValueOrDefault(identity)?.Auth is { } others && others.IdentityCert != identity)
            {
                _problems.Error(others.Position,
                    $"[{Shown.Key("cert_issuance", identity)}.{CertdSchema.Auth.Name}]: this certificate is an EST identity ([{path}]), which is shown for itself",
                    $"its identity_cert must be {Shown.Value(identity)}, or take the table away");
            }
        }
    }

    private void CheckHeaders(TomlView table)
    {
        foreach (var entry in table.Table(CertdSchema.Headers).Entries)
        {
            if (HeaderFields.CheckName(entry.Name) is { } fault)
                _problems.Error(entry.Position, $"{Shown.Key($"{EstPath}.headers", entry.Name)} {fault.What}", fault.Hint);
        }
    }

    private void CheckBootstrap(TomlView table)
    {
        Pair(table, EstPath, CertdSchema.BootstrapIdentityCert, CertdSchema.BootstrapIdentityPk);
        if (table.Text(CertdSchema.BootstrapIdentityCert) is { } certificate)
        {
            CheckPreloaded(certificate.Value, certificate.Position, $"{EstPath}.{CertdSchema.BootstrapIdentityCert.Name}");
        }
        else if (table.Text(CertdSchema.BootstrapUse) is { } use && !table.Has(CertdSchema.BootstrapIdentityCert))
        {
            _problems.Warn(use.Position, $"{EstPath}.bootstrap_use has no effect without bootstrap_identity_cert",
                "add bootstrap_identity_cert and bootstrap_identity_pk, or take it away");
        }
    }

    private void CheckTrust(EstIssuance est, TomlView table)
    {
        if (est.TrustedCerts is not null)
        {
            CheckElements(table.Find(CertdSchema.TrustedCerts.Name), $"{EstPath}.trusted_certs");
            if (!table.IsEmptyList(CertdSchema.TrustedCerts)) return;
        }
        else if (table.Has(CertdSchema.TrustedCerts) || IsPreloaded(CertdSchema.TrustBundle))
        {
            return;
        }

        if (est.TrustSystem || table.Has(CertdSchema.Trust) || table.Has(CertdSchema.CaFingerprint)) return;
        _problems.Error(est.TrustedCerts?.Position ?? est.Position, $"[{EstPath}] trusts nothing: the EST server could not be verified",
            "add its CA to [preloaded_certs] and its id to \"trust-bundle\" there (or to trusted_certs); " +
            "ca_fingerprint where only its fingerprint is known; trust = \"system\" for a public CA");
    }

    /// <summary>Whoever can make an EST server's or a device's certificate must not be able to sign a rescue file. Their keys are compared when a file comes.</summary>
    private void CheckRescue(EstIssuance est, TomlView table)
    {
        if (est.RescueCerts is not { } ids) return;
        var path = $"{EstPath}.rescue_certs";
        CheckElements(table.Find(CertdSchema.RescueCerts.Name), path);
        foreach (var id in ids.Value)
        {
            if (id != CertdSchema.TrustBundle && !IsIn(CertdSchema.TrustBundle, id) && est.TrustedCerts?.Value.Contains(id) != true) continue;
            _problems.Error(ids.Position, $"{path} names {Shown.Value(id)}, by which EST servers are verified: whoever can be an EST server could sign rescue files",
                "let a key of its own sign them, which nothing else is under");
        }
    }

    private bool IsIn(string bundle, string id) => id != bundle && Reaches(bundle, id, []);

    private void CheckUrls(EstIssuance est, TomlView table)
    {
        foreach (var (id, url) in est.Urls)
        {
            var path = Shown.Key($"{EstPath}.urls", id);
            if (!EstUrl.IsWellKnown(url.Value))
            {
                _problems.Warn(url.Position, $"{path} = {Shown.Value(url.Value.ToString())} is not below /.well-known/est, where RFC 7030 puts EST",
                    "is the path complete?");
            }

            if (id == CertdSchema.DefaultUrl || id == est.IdentityCert || _issuance.Find(id) is not null || IsIdentity(id)) continue;
            var ids = _issuance.Entries.Select(static entry => entry.Name).Append(est.IdentityCert ?? "").Append(CertdSchema.DefaultUrl);
            _problems.Warn(url.Position, $"{path} is used by nothing: no certificate {Shown.Value(id)} is issued",
                NearestName.Find(id, ids) is { } near ? $"did you mean \"{near}\"?" : "add the id to [cert_issuance], or take the URL away");
        }

        var urls = table.Table(CertdSchema.Urls);
        bool Has(string id) => urls.Find(id) is not null || (_issuance.Find(id) is TomlTable own && new TomlView(own, own.Position).Has(IssuanceSchema.Url));
        if (urls.Find(CertdSchema.DefaultUrl) is not null) return;
        if (est.IdentityCert is { } identity && !_configuration.Issuance.ContainsKey(identity) && !Has(identity)) LacksUrl(identity, table.Text(CertdSchema.IdentityCert)!.Value.Position);
        foreach (var (id, issuance) in _configuration.Issuance)
        {
            if (issuance.Method != IssuanceMethod.Est) continue;
            if (!Has(id)) LacksUrl(id, issuance.Position);
            if (issuance.Auth?.IdentityCert is not { } own || _configuration.Issuance.ContainsKey(own) || own == est.IdentityCert) continue;
            if (!Has(own)) LacksUrl(own, issuance.Auth.Position);
        }
    }

    /// <summary>Whether a certificate's own authentication shows it.</summary>
    private bool IsIdentity(string id)
    {
        foreach (var issuance in _configuration.Issuance.Values)
        {
            if (issuance.Auth?.IdentityCert == id) return true;
        }

        return false;
    }

    private void LacksUrl(string id, Position position)
    {
        var hint = $"add {Shown.Key("", id)} = \"https://…\" to [{EstPath}.urls], or default = \"https://…\" for all that have none";
        if (IsPreloaded(id))
        {
            _problems.Warn(position, $"certificate {Shown.Value(id)} is preloaded and has no EST URL: it cannot be renewed", hint);
            return;
        }

        _problems.Error(position, $"certificate {Shown.Value(id)} comes over EST, but has no URL", hint);
    }

    private void Needs(TomlView table, Setting setting, string why)
    {
        if (!table.Has(setting)) _problems.Error(table.Position, $"[{EstPath}] has no {setting.Name}: {why}", $"add {setting.Name} = {setting.Example}");
    }

    private void Pair(TomlView table, string path, Setting one, Setting other)
    {
        if (table.Has(one) == table.Has(other)) return;
        var (there, missing) = table.Has(one) ? (one, other) : (other, one);
        if (table.Text(CertdSchema.EstMethod)?.Value == "x509" && missing.Name is "identity_cert" or "identity_pk") return;
        if (table.Text(CertdSchema.EstMethod)?.Value == "basic" && missing.Name is "username" or "password_file") return;
        _problems.Error(table.Text(there)?.Position ?? table.Position, $"{path}.{there.Name} stands without {missing.Name}; allowed: both or none",
            $"add {missing.Name} = {missing.Example}");
    }
}
