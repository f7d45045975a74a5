using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Keyd;
using EstProv.Configuration.Secrets;

namespace EstProv.Fuzz.Targets;

/// <summary>A configuration file and a drop-in, read as each daemon's. The input is the file; from a line <c>#---</c> on it is the drop-in.</summary>
internal sealed class TomlTarget : FuzzTarget
{
    // The drop-in folder is one that exists; its content is ours.
    private const string Main = "/etc/estprov/daemon.toml", DropIn = "/etc/estprov/daemon.d/x.toml";
    private static readonly byte[] Divider = "\n#---\n"u8.ToArray();

    public override IReadOnlyList<string> Words =>
    [
        "\n#---\n", "[", "[[", "]", "]]\n", "{", "}", " = ", "\"", "\"\"\"", "'", "'''", "\\u0000", "\\", "\r\n", "\t", "1979-05-27T07:32:00Z", "0x7fffffffffffffff", "-1", "true",
        "inf", "1e9", "homedir_path", "max_requests", "alias_sockets", "pkcs11", "lib_path", "base_slot", "preloaded_keys", "principal", "uid", "user", "keys", "rights",
        "\"use\"", "\"generate\"", "cert_issuance", "\"est\"", "\"device-ca\"", "est", "urls", "default", "method", "\"x509\"", "\"basic\"", "identity_cert", "identity_pk",
        "bootstrap_identity_cert", "bootstrap_identity_pk", "bootstrap_use", "username", "password_file", "trusted_certs", "trust", "preloaded_certs", "certs", "issuers",
        "key_algorithm", "common_name", "\"https://est.example/.well-known/est\"", "provisioning", "source", "\"dps\"", "scope_id", "global_endpoint", "attestation",
        "registration_id", "name", "idtype", "pkcs11:token=a?pin-value=", "\\u0070in-value=", "&", "#", "trust-bundle", "4294967295", "principal = []",
    ];

    public override void Execute(byte[] input)
    {
        var divider = input.AsSpan().IndexOf(Divider);
        var (main, dropIn) = divider < 0 ? (input, null) : (input[..divider], input[(divider + Divider.Length)..]);
        var keyd = ConfigurationLoader.Load(new Files(main, dropIn), Main, "/", FindUser, KeydSchema.File, KeydBinder.Bind);
        Check(keyd);
        if (keyd.Value is { } configuration) CheckPins(configuration);
        Check(ConfigurationLoader.Load(new Files(main, dropIn), Main, "/", FindUser, CertdSchema.File, CertdBinder.Bind));
        Check(ConfigurationLoader.Load(new Files(main, dropIn), Main, "/", FindUser, IdentitydSchema.File, IdentitydBinder.Bind));
    }

    private static void CheckPins(KeydConfiguration configuration)
    {
        const string Name = "pin-value=";
        using var secrets = configuration.Secrets;
        foreach (var uri in configuration.PreloadedKeys.Values.Select(static uri => uri.Value).Append(configuration.Pkcs11?.BaseSlot.Value ?? ""))
        {
            for (var at = uri.IndexOf(Name, StringComparison.OrdinalIgnoreCase); at >= 0; at = uri.IndexOf(Name, at + 1, StringComparison.OrdinalIgnoreCase))
            {
                var value = uri.AsSpan(at + Name.Length);
                var end = value.IndexOf('&');
                if (end >= 0) value = value[..end];
                Promise(value.IsEmpty || CutSecrets.IsPlaceholder(value), "a PIN is in no string");
                secrets.Take(value.IsEmpty ? "\uE000" : value)?.Dispose();
            }
        }
    }

    private static void Check<T>(Loaded<T> loaded)
        where T : class
    {
        Promise(loaded.Value is null == loaded.Errors.Count > 0, "either a configuration or errors");
        foreach (var problem in loaded.Errors.Concat(loaded.Warnings))
        {
            Promise(problem.Position.File.StartsWith("/etc/estprov/daemon.", StringComparison.Ordinal) && problem.Position.Line >= 0 && problem.Position.Column >= 0, "a problem has a place");
            Promise(problem.Message.Length is > 0 and < 2000 && !problem.Message.AsSpan().ContainsAnyInRange('\0', '\x1F'), "a message is one line of a decent length");
        }
    }

    private static uint? FindUser(string name) => name == "firmware" ? 1001 : null;

    private sealed class Files(byte[] main, byte[]? dropIn) : ConfigurationFiles
    {
        protected override Stream Open(string file) => new MemoryStream(file == Main ? main : dropIn!, writable: false);

        protected override IEnumerable<string> List(string folder) => dropIn is null ? [] : [DropIn];
    }
}
