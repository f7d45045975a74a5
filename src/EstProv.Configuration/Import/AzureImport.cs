using System.Text;
using EstProv.Configuration.Certd;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Import;

/// <summary>
/// Reads the configuration of Azure IoT Identity Service 1.x (azure.github.io/iot-identity-service, "Configuring"): the super-config, or
/// the files of its
/// services, or both; and says it in ours. What has no counterpart is told, value by value.
/// </summary>
public sealed class AzureImport
{
    private const string DeviceId = "device-id", EstId = "est-id", Bootstrap = "bootstrap", DeviceCa = "device-ca";

    private readonly TomlText _keyd = new();
    private readonly TomlText _certd = new();
    private readonly TomlText _identityd = new();
    private readonly List<ConfigurationProblem> _notes = [];
    private readonly HashSet<TomlNode> _taken = [];
    private readonly Func<uint, string?> _nameOf;

    private AzureImport(Func<uint, string?> nameOf) => _nameOf = nameOf;

    /// <param name="daemon"><c>keyd</c>, <c>certd</c> or <c>identityd</c>.</param>
    public string TextOf(string daemon) => FileOf(daemon).ToString();

    /// <summary>What could not be carried over, and what to do about it.</summary>
    public IReadOnlyList<ConfigurationProblem> Notes => _notes;

    /// <param name="path">The super-config, or the folder that it lies in (<c>/etc/aziot</c>).</param>
    /// <param name="nameOf">The name of a uid; null for none.</param>
    /// <returns>What came of it; errors where a file cannot be read at all.</returns>
    public static Loaded<AzureImport> Read(string path, Func<uint, string?> nameOf)
    {
        var problems = new Problems();
        var import = new AzureImport(nameOf);
        var isFolder = Directory.Exists(path);
        var super = isFolder ? Path.Combine(path, "config.toml") : path;
        var hasSuper = !isFolder || File.Exists(super);
        List<string> names = [];
        if (hasSuper && Tree(super, problems) is { } root) import.TakeSuper(root);
        var found = hasSuper;
        foreach (var daemon in (ReadOnlySpan<string>)["keyd", "certd", "identityd"])
        {
            if (!isFolder) break;
            var merged = Merged(Path.Combine(path, daemon), hasSuper, problems, names);
            if (merged is null) continue;
            found = true;
            import.TakeService(daemon, merged);
        }

        if (!found)
            problems.Error(new Position(path, 0, 0), "there is no configuration of Azure IoT Identity Service here",
                "give its config.toml, or the folder /etc/aziot");
        return problems.Finish(import, [super, .. names]);
    }

    /// <summary>A service's file and its drop-ins; null where it has none.</summary>
    /// <param name="hasSuper">What was made of the super-config is left out.</param>
    private static TomlTable? Merged(string folder, bool hasSuper, Problems problems, List<string> names)
    {
        List<string> files = [];
        if (File.Exists(Path.Combine(folder, "config.toml"))) files.Add(Path.Combine(folder, "config.toml"));
        foreach (var file in new ConfigurationFiles().DropIns(Path.Combine(folder, "config.d"), problems))
        {
            if (!hasSuper || Path.GetFileName(file) != "00-super.toml") files.Add(file);
        }

        names.AddRange(files);
        TomlTable? merged = null;
        foreach (var file in files)
        {
            if (Tree(file, problems) is not { } tree) continue;
            if (merged is null) merged = tree;
            else TomlMerge.Into(merged, tree);
        }

        return merged;
    }

    /// <summary>With the PINs that stand in it: what is written has them too.</summary>
    private static TomlTable? Tree(string file, Problems problems)
    {
        try
        {
            if (new FileInfo(file).Length <= ConfigurationFiles.Largest) return TomlReader.Read(File.ReadAllText(file), file, problems);
            problems.Error(new Position(file, 0, 0), "larger than 1 MiB; allowed: a TOML file of at most 1 MiB", "is this the right file?");
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            problems.Error(new Position(file, 0, 0), "cannot read this file", "it must exist, and you must have the right to read it");
        }

        return null;
    }

    private void TakeSuper(TomlTable root)
    {
        if (Take(root, "local_gateway_hostname") is { } gateway || (gateway = Take(root, "parent_hostname")) is not null)
            _identityd.Set("provisioning", "local_gateway_hostname", Value(gateway));
        if (Take(root, "trust_bundle_cert") is { } bundle)
        {
            _certd.Set("preloaded_certs", "trust-ca", TomlText.Quote(FileUri.ToPath(bundle.Text)));
            _certd.Set("preloaded_certs", "trust-bundle", "[\"trust-ca\"]");
        }

        foreach (var daemon in (ReadOnlySpan<string>)["keyd", "certd", "identityd"])
        {
            if (Table(root, "aziot_max_requests") is { } most && Take(most, daemon) is { } number)
                FileOf(daemon).Set("", "max_requests", number.Text);
        }

        TakeKeys(root);
        TakeCertificates(root);
        TakeProvisioning(root);
        NoteRest(root, "");
    }

    private void TakeService(string daemon, TomlTable root)
    {
        var file = FileOf(daemon);
        if (Take(root, "max_requests") is { } most) file.Set("", "max_requests", most.Text);
        // The folders of the two suites must not be one.
        Take(root, "homedir_path");
        Take(root, "homedir");
        if (daemon == "keyd") TakeKeys(root);
        else if (daemon == "certd") TakeCertificates(root);
        else TakeProvisioning(root);
        TakePrincipals(daemon, file, root);
        NoteRest(root, "");
    }

    private TomlText FileOf(string daemon) => daemon switch { "keyd" => _keyd, "certd" => _certd, _ => _identityd };

    private void TakeKeys(TomlTable root)
    {
        if (Table(root, "aziot_keys") is { } keys)
        {
            Take(keys, "homedir_path");
            if (Take(keys, "pkcs11_lib_path") is { } library) _keyd.Set("pkcs11", "lib_path", Value(library));
            if (Take(keys, "pkcs11_base_slot") is { } slot) _keyd.Set("pkcs11", "base_slot", Value(slot));
        }

        if (Table(root, "preloaded_keys") is not { } preloaded) return;
        foreach (var entry in preloaded.Entries) TakeKey(entry.Name, Take(preloaded, entry.Name)!);
    }

    /// <summary>A private key by its URI; by a plain id where it is one.</summary>
    /// <param name="id">Ours, for a URI.</param>
    /// <returns>The key id.</returns>
    private string TakeKey(string id, TomlNode uri, bool isSecret = false)
    {
        if (uri.Text.StartsWith("pkcs11:", StringComparison.OrdinalIgnoreCase))
        {
            var text = uri.Text;
            // Ours says what kind of key it is, in the path of the URI.
            if (isSecret && !text.Contains("type=", StringComparison.Ordinal))
            {
                var query = text.IndexOf('?', StringComparison.Ordinal);
                text = query < 0 ? text + ";type=secret-key" : $"{text[..query]};type=secret-key{text[query..]}";
            }

            _keyd.Set("preloaded_keys", id, TomlText.Quote(text));
            return id;
        }

        if (!uri.Text.Contains(':', StringComparison.Ordinal)) return uri.Text;
        Note(uri, $"the key '{id}' is a file, and keyd takes no key files of others",
            "put it into the token and name it in [preloaded_keys]; or leave it, and have certd get a certificate for a new key");
        return id;
    }

    private void TakeCertificates(TomlTable root)
    {
        if (Table(root, "preloaded_certs") is { } preloaded)
        {
            foreach (var entry in preloaded.Entries)
            {
                var value = Take(preloaded, entry.Name)!;
                _certd.Set("preloaded_certs", entry.Name, value is TomlArray ? Value(value) : TomlText.Quote(FileUri.ToPath(value.Text)));
            }
        }

        if (Table(root, "cert_issuance") is not { } issuance) return;
        if (Table(issuance, "local_ca") is { } ca) TakeLocalCa(ca);
        foreach (var entry in issuance.Entries)
        {
            if (entry.Name is not ("est" or "local_ca" or "certs")) TakeIssuance(entry.Name, Take(issuance, entry.Name)!);
        }

        if (Table(issuance, "certs") is { } certs)
        {
            foreach (var entry in certs.Entries) TakeIssuance(entry.Name, Take(certs, entry.Name)!);
        }

        if (Table(issuance, "est") is { } est) TakeEst(est);
    }

    private void TakeLocalCa(TomlTable ca)
    {
        if (Take(ca, "method") is { } method) _certd.Set("cert_issuance", DeviceCa, TomlText.Quote(Method(method)));
        if (Take(ca, "cert") is { } certificate)
        {
            if (IsFile(certificate)) _certd.Set("preloaded_certs", DeviceCa, TomlText.Quote(FileUri.ToPath(certificate.Text)));
            else Note(certificate, $"the local CA's certificate id '{certificate.Text}' is always '{DeviceCa}' here", "rename it");
        }

        if (Take(ca, "pk") is { } key) TakeKey(DeviceCa, key);
    }

    /// <summary>How a certificate is issued: a word, or a table with more to say.</summary>
    private void TakeIssuance(string id, TomlNode how)
    {
        if (how is not TomlTable table)
        {
            _certd.Set("cert_issuance", id, TomlText.Quote(Method(how)));
            return;
        }

        var name = "cert_issuance." + Shown.Key("", id);
        foreach (var entry in table.Entries)
        {
            switch (entry.Name)
            {
                case "method":
                    _certd.Set(name, "method", TomlText.Quote(Method(Take(table, "method")!)));
                    break;
                case "common_name" or "url" or "expiry_days" or "subject":
                    _certd.Set(name, entry.Name, Value(Take(table, entry.Name)!));
                    break;
            }
        }
    }

    private void TakeEst(TomlTable est)
    {
        const string Name = "cert_issuance.est";
        var auth = Table(est, "auth") ?? est;
        var (identity, bootstrap) = (Take(auth, "identity_cert"), Take(auth, "bootstrap_identity_cert"));
        var isX509 = identity is not null || bootstrap is not null;
        _certd.Set(Name, "method", isX509 ? "\"x509\"" : "\"basic\"");
        if (isX509)
        {
            _certd.Set(Name, "identity_cert", TomlText.Quote(TakeCertificate(EstId, identity)));
            _certd.Set(Name, "identity_pk", TomlText.Quote(Take(auth, "identity_pk") is { } key ? TakeKey(EstId, key) : EstId));
        }

        if (bootstrap is not null)
        {
            _certd.Set(Name, "bootstrap_identity_cert", TomlText.Quote(TakeCertificate(Bootstrap, bootstrap)));
            _certd.Set(Name, "bootstrap_identity_pk", TomlText.Quote(Take(auth, "bootstrap_identity_pk") is { } key
                ? TakeKey(Bootstrap, key) : Bootstrap));
        }

        if (Take(auth, "username") is { } user) _certd.Set(Name, "username", Value(user));
        if (Take(auth, "password") is { } password)
        {
            _certd.Set(Name, "password_file", "\"/run/credentials/estprov-certd.service/est-password\"");
            Note(password, "the EST password stands in the file, and is not copied",
                "hand it to the unit as the credential est-password, or write another password_file");
        }

        if (Table(auth, "headers") is { } headers) TakeHeaders(headers, Name + ".headers");
        if (Take(est, "trusted_certs") is TomlArray trusted)
            _certd.Set(Name, "trusted_certs", $"[{string.Join(", ", TrustedIds(trusted))}]");
        if (Table(est, "urls") is not { } urls) return;
        foreach (var entry in urls.Entries) _certd.Set(Name + ".urls", entry.Name, Value(Take(urls, entry.Name)!));
    }

    private void TakeHeaders(TomlTable headers, string name)
    {
        foreach (var entry in headers.Entries) _certd.Set(name, entry.Name, Value(Take(headers, entry.Name)!));
        Note(headers, "the headers for the EST server are copied, and may be secret", "keep them in a drop-in that estprov-certd alone may read");
    }

    private List<string> TrustedIds(TomlArray trusted)
    {
        var ids = new List<string>();
        foreach (var item in trusted.Items)
        {
            var id = IsFile(item) ? $"est-trust-{ids.Count + 1}" : item.Text;
            if (IsFile(item)) _certd.Set("preloaded_certs", id, TomlText.Quote(FileUri.ToPath(item.Text)));
            ids.Add(TomlText.Quote(id));
        }

        return ids;
    }

    /// <returns>The certificate id.</returns>
    private string TakeCertificate(string id, TomlNode? certificate)
    {
        if (certificate is null) return id;
        if (!IsFile(certificate)) return certificate.Text;
        _certd.Set("preloaded_certs", id, TomlText.Quote(FileUri.ToPath(certificate.Text)));
        return id;
    }

    private void TakeProvisioning(TomlTable root)
    {
        if (Table(root, "localid") is { } local && Take(local, "domain") is { } domain) _identityd.Set("localid", "domain", Value(domain));
        if (Table(root, "provisioning") is not { } provisioning) return;
        const string Name = "provisioning";
        foreach (var name in (ReadOnlySpan<string>)["source", "id_scope", "scope_id", "global_endpoint", "iothub_hostname", "device_id",
            "local_gateway_hostname", "always_reprovision_on_startup", "dynamic_reprovisioning"])
        {
            if (Take(provisioning, name) is { } value) _identityd.Set(Name, name == "id_scope" ? "scope_id" : name, Value(value));
        }

        if (Table(provisioning, "payload") is { } payload && Take(payload, "uri") is { } uri)
            _identityd.Set(Name + ".payload", "uri", Value(uri));
        if (Take(provisioning, "connection_string") is { } connection) TakeConnection(connection);
        if (Table(provisioning, "attestation") is { } attestation) TakeAuthentication(attestation, Name + ".attestation", "symmetric_key");
        if (Table(provisioning, "authentication") is { } authentication)
            TakeAuthentication(authentication, Name + ".authentication", "device_id_pk");
    }

    private void TakeConnection(TomlNode connection)
    {
        foreach (var part in connection.Text.Split(';'))
        {
            if (part.StartsWith("HostName=", StringComparison.Ordinal))
                _identityd.Set("provisioning", "iothub_hostname", TomlText.Quote(part[9..]));
            if (part.StartsWith("DeviceId=", StringComparison.Ordinal))
                _identityd.Set("provisioning", "device_id", TomlText.Quote(part[9..]));
        }

        _identityd.Set("provisioning.authentication", "method", "\"sas\"");
        _identityd.Set("provisioning.authentication", "device_id_pk", TomlText.Quote(DeviceId));
        NoteSymmetric(connection);
    }

    private void TakeAuthentication(TomlTable table, string name, string symmetric)
    {
        if (Take(table, "method") is { } method)
        {
            _identityd.Set(name, "method", Value(method));
            if (method.Text == "tpm")
                Note(method, "attestation by a TPM's endorsement key is not offered",
                    "use x509, with a key in the TPM by its PKCS#11 module");
        }

        if (Take(table, "registration_id") is { } registration) _identityd.Set(name, "registration_id", Value(registration));
        if (Take(table, "identity_cert") is { } certificate)
        {
            if (certificate is TomlTable) TakeIssuance(DeviceId, certificate);
            _identityd.Set(name, "identity_cert", TomlText.Quote(certificate is TomlTable ? DeviceId
                : TakeCertificate(DeviceId, certificate)));
            _identityd.Set(name, "identity_pk", TomlText.Quote(Take(table, "identity_pk") is { } key ? TakeKey(DeviceId, key) : DeviceId));
        }

        if (Take(table, symmetric) is not { } secret) return;
        if (secret is TomlTable inline && Take(inline, "uri") is { } uri) secret = uri;
        else if (secret is TomlTable known && Take(known, "value") is { } value) NoteSymmetric(value);
        _identityd.Set(name, symmetric, TomlText.Quote(secret is TomlTable ? DeviceId : TakeKey(DeviceId, secret, isSecret: true)));
    }

    private void NoteSymmetric(TomlNode value) =>
        Note(value, "a symmetric key stands in the file, and is not copied",
            $"import it into keyd once: POST /key with keyId \"{DeviceId}\" and keyBytes, then delete it here");

    private void TakePrincipals(string daemon, TomlText file, TomlTable root)
    {
        if (Take(root, "principal") is not TomlArray principals) return;
        foreach (var item in principals.Items)
        {
            if (item is not TomlTable principal || Take(principal, "uid") is not { } uid) continue;
            // Their services' own users; ours need no entry.
            if (_nameOf((uint)uid.Integer) is { } name && name.StartsWith("aziot", StringComparison.Ordinal))
            {
                foreach (var entry in principal.Entries) Take(principal, entry.Name);
                continue;
            }

            var lines = new StringBuilder($"uid = {uid.Text}\n");
            foreach (var key in (ReadOnlySpan<string>)["keys", "certs", "name", "idtype"])
            {
                if (Take(principal, key) is { } value) lines.Append(key).Append(" = ").Append(Value(value)).Append('\n');
            }

            if (daemon == "keyd")
            {
                lines.Append("rights = [\"use\", \"generate\", \"delete\"]\n");
                Note(principal, $"uid {uid.Text} gets the rights use, generate and delete in keyd.toml, not export",
                    "add \"export\" where it takes derived keys out; take away what it does not need");
            }

            if (Take(principal, "localid") is { } local) lines.Append("localid = ").Append(Value(local)).Append('\n');
            file.AddPrincipal(lines);
        }
    }

    /// <summary>Theirs and ours have other words for one thing.</summary>
    private static string Method(TomlNode method) => method.Text == "local_ca" ? DeviceCa : method.Text;

    private static bool IsFile(TomlNode value) => value.Text.StartsWith("file:", StringComparison.OrdinalIgnoreCase)
        || value.Text.StartsWith('/');

    private static TomlTable? Table(TomlTable parent, string name) => parent.Find(name)?.Value as TomlTable;

    private TomlNode? Take(TomlTable parent, string name)
    {
        if (parent.Find(name)?.Value is not { } value) return null;
        _taken.Add(value);
        return value;
    }

    /// <summary>As TOML; with all that is in it.</summary>
    private string Value(TomlNode value)
    {
        switch (value)
        {
            case TomlArray array:
                return $"[{string.Join(", ", array.Items.ConvertAll(Value))}]";
            case TomlTable table:
                var parts = new List<string>();
                foreach (var entry in table.Entries) parts.Add($"{TomlText.Quote(entry.Name)} = {Value(Take(table, entry.Name)!)}");
                return $"{{ {string.Join(", ", parts)} }}";
            default:
                return value.Kind == TomlKind.Text ? TomlText.Quote(value.Text) : value.Text;
        }
    }

    private void NoteRest(TomlTable table, string path)
    {
        foreach (var entry in table.Entries)
        {
            var key = Shown.Key(path, entry.Name);
            if (entry.Value is TomlTable inner) NoteRest(inner, key);
            else if (_taken.Contains(entry.Value)) NoteRestOf(entry.Value, key);
            else _notes.Add(new ConfigurationProblem(entry.Position, $"{key} is not carried over", LeftBehind.Hint(key)));
        }
    }

    private void NoteRestOf(TomlNode value, string key)
    {
        if (value is not TomlArray { FromHeaders: true } list) return;
        foreach (var item in list.Items)
        {
            if (item is TomlTable table) NoteRest(table, key);
        }
    }

    private void Note(TomlNode value, string message, string hint) => _notes.Add(new ConfigurationProblem(value.Position, message, hint));
}
