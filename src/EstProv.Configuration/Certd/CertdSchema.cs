using EstProv.Configuration.Schema;
using EstProv.Platform;
using EstProv.Platform.Network;

namespace EstProv.Configuration.Certd;

/// <summary>Every key of <c>certd.toml</c>.</summary>
internal static class CertdSchema
{
    public const string Daemon = "certd";
    public const string DefaultKeyAlgorithm = "ec-p256";
    public const string DeviceCa = "device-ca";
    public const string TrustBundle = "trust-bundle";
    public const string DefaultUrl = "default";
    public const string NoProxy = "none";
    public const string DefaultRenewalFrom = "35%";
    public const string DefaultRenewalUntil = "75%";
    public const string DefaultRenewalRetry = "1 day";

    public const string DefaultDistrustSpread = "1 day";

    private const string IssuerForm =
        "a certificate's SHA-256 in hexadecimal (colons may be left out), spki: and the SHA-256 of its key, or a subject such as CN=Old Device CA";

    private const string ExampleHash = "6f1c6a2b0d9e4c7f8a35be9d21470c8e5b96f3d0a1c2e4f60718293a4b5c6d7e";

    private const string SpanForm = "per cent such as \"80%\", or \"30 days\", \"12 hours\", \"90 minutes\"";

    public static readonly Setting HomedirPath = CommonSettings.HomedirPath(Daemon);

    public static readonly Setting AliasSockets = CommonSettings.AliasSockets(Daemon);

    public static readonly Setting Distrusted = new("distrusted", SettingKind.TextList,
        "CAs that are trusted no more: whatever was issued under one gets a new key and a new certificate, spread over `distrust_spread`, while the old one is served until the new one is " +
        "proved; and no EST server is verified by it. `estprov distrust` says the same without a restart, and tells whether a server could be verified still.")
    {
        Default = "`[]`",
        ElementForm = IssuerForm,
        Check = static text => IssuerName.Parse(text) is null ? new Fault("names no CA") : null,
        Example = $"[\"CN=Old Device CA\", \"spki:{ExampleHash}\"]",
    };

    public static readonly Setting DistrustSpread = new("distrust_spread", SettingKind.Text,
        "Over how long the certificates under a CA of `distrusted` are replaced, from the start that sees it first. Each has its own point in it, which stays the same over restarts.")
    {
        Default = $"`\"{DefaultDistrustSpread}\"`",
        Form = "\"7 days\", \"12 hours\", \"90 minutes\"",
        Check = static text => LifetimeSpan.Check(text) ?? (LifetimeSpan.Parse(text)?.Share is null ? null : new Fault("is a share of a life, not a time")),
        Example = "\"1 day\"",
    };

    public static readonly Setting Method = new("method", SettingKind.Text,
        "`est`: enrolled at the EST server. `device-ca`: minted on the device with the key of the certificate `device-ca`, which itself comes over EST or stands in `[preloaded_certs]`. " +
        "`self_signed`: signed with its own key, which must be in keyd.")
    {
        Required = true,
        Choices = ["est", "device-ca", "self_signed"],
        VersionHint = "what Azure IoT Identity Service calls local_ca is device-ca here",
        Example = "\"est\"",
    };

    public static readonly Setting KeyAlgorithm = new("key_algorithm", SettingKind.Text,
        "The key that keyd generates for it: `ec-p256`, `ec-p384`, `ec-p521`, `rsa-2048`, `rsa-3072` or `rsa-4096`; of several, with colons between them, the first that the token can make.")
    {
        Default = $"`\"{DefaultKeyAlgorithm}\"`",
        Form = "\"ec-p256\", \"ec-p384\", \"ec-p521\", \"rsa-2048\", \"rsa-3072\" or \"rsa-4096\", or several with : between them",
        Check = Forms.KeyAlgorithm,
        Example = "\"rsa-2048\"",
    };

    public static readonly Setting CommonName = new("common_name", SettingKind.Text,
        "The subject's common name. For `device-id` and the EST identity it is otherwise the registration id, else the bootstrap certificate's common name, else the host name.")
    {
        Form = "at most 64 characters",
        Check = Forms.CommonName,
        Example = "\"device-0001\"",
    };

    public static readonly Setting EstMethod = new("method", SettingKind.Text,
        "How the EST server is told who asks. `x509`: by TLS client certificate. `basic`: by HTTP Basic alone.")
    {
        Required = true,
        Choices = ["x509", "basic"],
        Example = "\"x509\"",
    };

    public static readonly Setting IdentityCert = new("identity_cert", SettingKind.Text,
        "Id of the EST identity certificate, which is the TLS client certificate of every enrolment but the first. It comes over EST itself and is renewed. Needed with `x509`.")
    {
        Form = "a certificate id",
        Check = Forms.Id,
        Example = "\"est-id\"",
    };

    public static readonly Setting IdentityPk = new("identity_pk", SettingKind.Text, "Key id of its key in keyd. Needed with `x509`.")
    {
        Form = "a key id",
        Check = Forms.Id,
        Example = "\"est-id\"",
    };

    public static readonly Setting BootstrapIdentityCert = new("bootstrap_identity_cert", SettingKind.Text,
        "Id of the certificate, in `[preloaded_certs]`, with which the first EST identity is got.")
    {
        Form = "a certificate id",
        Check = Forms.Id,
        Example = "\"bootstrap\"",
    };

    public static readonly Setting BootstrapIdentityPk = new("bootstrap_identity_pk", SettingKind.Text, "Key id of its key, in keyd's `[preloaded_keys]`.")
    {
        Form = "a key id",
        Check = Forms.Id,
        Example = "\"bootstrap\"",
    };

    public static readonly Setting BootstrapUse = new("bootstrap_use", SettingKind.Text,
        "`first-issue`: the bootstrap identity is used only while there never was an EST identity. `expired`: also when the EST identity has expired. `always`: also when " +
        "it does not work for another reason, so that a revoked device may come back.")
    {
        Default = "`\"expired\"`",
        Choices = ["first-issue", "expired", "always"],
        Example = "\"expired\"",
    };

    public static readonly Setting Username = new("username", SettingKind.Text,
        "User name for HTTP Basic or Digest, sent only to a server that has been verified. Beside a client certificate, or alone with `basic`.")
    {
        Form = "a user name with no colon in it",
        // RFC 7617, section 2.
        Check = static value => value.Contains(':') ? new Fault("has a colon in it") : null,
        Example = "\"device-0001\"",
    };

    public static readonly Setting HttpAuthentication = new("http_authentication", SettingKind.Text,
        "How user name and password are shown. `basic`: with the first request, and by Digest where a server asks for that alone. `digest`: by HTTP " +
        "Digest only (MD5 or SHA-256), when the server has asked; the password itself is never sent.")
    {
        Default = "`\"basic\"`",
        Choices = ["basic", "digest"],
        Example = "\"digest\"",
    };

    public static readonly Setting PasswordFile = new("password_file", SettingKind.Text,
        "File with the password for HTTP Basic or Digest, read at each use; line ends after it are not part of it.")
    {
        Form = "an absolute path",
        Check = Forms.AbsolutePath,
        Example = "\"/run/credentials/estprov-certd.service/est-password\"",
    };

    public static readonly Setting TrustedCerts = new("trusted_certs", SettingKind.TextList,
        "Ids of `[preloaded_certs]` that EST servers are verified against, beside those that the server's own `cacerts` adds.")
    {
        Default = "`[\"trust-bundle\"]`",
        ElementForm = "an id of [preloaded_certs]",
        Example = "[\"est-ca\"]",
    };

    public static readonly Setting Trust = new("trust", SettingKind.Text, "`system`: EST servers are verified against the system's store too.")
    {
        Choices = ["system"],
        Example = "\"system\"",
    };

    public static readonly Setting RescueCerts = new("rescue_certs", SettingKind.TextList,
        "Ids of `[preloaded_certs]`: who may sign rescue files (`estprov rescue`), each the signer's own certificate or a CA that signs nothing but such signers. None of them may be one that " +
        "EST servers are verified by, or that the device's certificates are under. Without it no rescue file is accepted.")
    {
        ElementForm = "an id of [preloaded_certs]",
        Example = "[\"rescue-ca\"]",
    };

    public static readonly Setting CaFingerprint = new("ca_fingerprint", SettingKind.Text,
        "Fingerprint of the CA that EST servers are under, where its certificate is not at hand: it is fetched from the server once (`cacerts`), over a connection " +
        "that nothing is sent on besides, taken only when its SHA-256 is this one, and kept in the state folder. It counts beside `trusted_certs` or the trust bundle; neither is needed then.")
    {
        Form = "sha256: and 64 hexadecimal digits, with or without colons",
        Check = static value => Sha256Fingerprint.Parse(value) is not null ? null
            : new Fault("is no such fingerprint", "openssl x509 -in CA.pem -noout -fingerprint -sha256 prints it"),
        Example = "\"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
    };

    public static readonly Setting Proxy = new("proxy", SettingKind.Text,
        "HTTP proxy through which EST servers are reached, whatever the environment says: `http://[USER:PASSWORD@]HOST[:PORT]`; `none` for none. Without it " +
        "`https_proxy` (or `HTTPS_PROXY`) of the daemon's environment holds, except for what `no_proxy` (or `NO_PROXY`) names: hosts with all below them, addresses, networks such as 10.0.0.0/8, or `*`.")
    {
        Default = "the environment's",
        Form = "http://HOST:PORT, with USER:PASSWORD@ before the host where the proxy asks for them, or \"none\"",
        Check = static value => value == NoProxy || HttpProxy.Parse(value, out _) is not { } fault ? null : new Fault(fault),
        Secret = true,
        Example = "\"http://proxy.example.com:3128\"",
    };

    public static readonly Setting ChannelBinding = new("channel_binding", SettingKind.Boolean,
        "`true`: each request names the TLS session that it is sent over (tls-unique in challengePassword, RFC 7030 section 3.5), for servers that demand it. " +
        "Enrolments then use TLS 1.2, since TLS 1.3 has nothing of the kind. Requests of callers (`module-server` …) are sent as they are.")
    {
        Default = "`false`",
        Example = "true",
    };

    public static readonly Setting RenewalFrom = new("from", SettingKind.Text,
        "Where the window begins in which the renewal is tried first: per cent of the life that has passed, or a time before expiry. Each certificate has a point of its own in the " +
        "window, so that a fleet made on one day does not come back on one day. With `from` and `until` alike there is no window.")
    {
        Default = $"`\"{DefaultRenewalFrom}\"`",
        Form = SpanForm,
        Check = LifetimeSpan.Check,
        Example = "\"35%\"",
    };

    public static readonly Setting RenewalUntil = new("until", SettingKind.Text,
        "Where the window ends. A window that begins or ends in the first tenth of a certificate's life is moved or, if nothing of it is left, the default is taken: " +
        "nothing is renewed in a loop.")
    {
        Default = $"`\"{DefaultRenewalUntil}\"`",
        Form = SpanForm,
        Check = LifetimeSpan.Check,
        Example = "\"20 days\"",
    };

    public static readonly Setting RenewalRetry = new("retry", SettingKind.Text,
        "The longest gap between two tries: per cent of the life, or a time. Gaps grow from five minutes to it, and shrink as the end nears: never longer than a tenth of what is left; after " +
        "expiry half an hour. Never under a minute (a hundredth of the life where that is less).")
    {
        Default = $"`\"{DefaultRenewalRetry}\"`",
        Form = SpanForm,
        Check = LifetimeSpan.Check,
        Example = "\"4%\"",
    };

    public static readonly Setting RotateKey = new("rotate_key", SettingKind.Boolean,
        "`false`: a renewal keeps the key, and one that somebody has got hold of stays in use for ever.")
    {
        Default = "`true`",
        Example = "true",
    };

    public static readonly Section Renewal = new("renewal",
        "When this certificate is renewed (`[cert_issuance.est.renewal]`: the EST identity). Azure IoT Identity Service's `auto_renew` says the same so: its `threshold` is both `from` and " +
        "`until`, `retry` and `rotate_key` keep their names.")
    {
        Settings = [RenewalFrom, RenewalUntil, RenewalRetry, RotateKey],
    };

    public static readonly Section Urls = new("urls",
        "Where each certificate comes from: certificate id, or `default` for all that have no entry, and the URL. It is `https://host[:port]/.well-known/est[/label]`, with or " +
        "without `/simpleenroll` at its end.")
    {
        Entry = new Setting("ID", SettingKind.Text, "URL of the EST server for this certificate id; `default` is for the others.")
        {
            Form = "an https URL such as https://est.example.com/.well-known/est",
            Check = Forms.EstUrl,
            ExampleName = "default",
            Example = "\"https://est.example.com/.well-known/est\"",
        },
    };

    public static readonly Section Headers = new("headers", "HTTP headers that are sent along with every request to an EST server, once it has been verified.")
    {
        Entry = new Setting("NAME", SettingKind.Text, "The header's value.")
        {
            Form = "text in ASCII",
            Check = HeaderFields.CheckValue,
            ExampleName = "X-Tenant",
            Example = "\"factory-7\"",
        },
    };

    public static readonly Section Est = new("est", "The EST server and who we are to it. Needed as soon as a certificate comes over EST.")
    {
        Settings =
        [
            EstMethod, IdentityCert, IdentityPk, BootstrapIdentityCert, BootstrapIdentityPk, BootstrapUse, Username, PasswordFile,
            HttpAuthentication, TrustedCerts, Trust, CaFingerprint, Proxy, ChannelBinding,
            RescueCerts,
        ],
        Sections = [Urls, Headers, Renewal],
    };

    public static readonly Section Auth = new("auth",
        "Who we are to the EST server for this certificate, in place of what `[cert_issuance.est]` says of it. An identity of its own is got and renewed like that one, at its own URL or the " +
        "default one; `identity_cert` may be this certificate itself.")
    {
        Settings =
        [
            IdentityCert, IdentityPk, BootstrapIdentityCert, BootstrapIdentityPk, BootstrapUse, Username,
            PasswordFile,
        ],
    };

    public static readonly Section IssuanceTable = new("ID", "One certificate with more to say than how it is issued: `[cert_issuance.device-id]`.")
    {
        Settings =
        [
            Method, KeyAlgorithm, CommonName, IssuanceSchema.Profile, IssuanceSchema.AlternativeNames, IssuanceSchema.ExpiryDays, IssuanceSchema.PathLength, IssuanceSchema.Url,
        ],
        Sections = [IssuanceSchema.Subject, Auth, CsrSchema.Csr, Renewal],
    };

    public static readonly Section Issuance = new("cert_issuance",
        "How each certificate id is issued: a string, or a table. Known ids are `device-id` (the device's identity), `device-ca` (signs what is minted on the device), `module-id` and " +
        "`module-server` (of modules, on their own CSR); others are issued on request in the same way.")
    {
        Entry = new Setting("ID", SettingKind.TextOrTable, "The method (`est`, `device-ca` or `self_signed`), or a table with `method` and more.")
        {
            Choices = Method.Choices,
            VersionHint = Method.VersionHint,
            Table = IssuanceTable,
            ExampleName = "device-id",
            Example = "\"est\"",
        },
        Sections = [Est],
    };

    public static readonly Section PreloadedCerts = new("preloaded_certs",
        "Certificates of the operator's: certificate id and file; or an array of ids that together are a bundle. `trust-bundle` is what modules and, without `trusted_certs`, " +
        "EST are verified against. A file that changes is read again.")
    {
        Entry = new Setting("ID", SettingKind.TextOrList, "Path of a PEM or DER file, or its `file://` URI; or an array of ids of this table, or of certificates that are issued.")
        {
            Form = "an absolute path",
            ElementForm = "an id of [preloaded_certs]",
            Check = FileUri.Check,
            ExampleName = "est-ca",
            Example = "\"/var/secrets/est-ca.cer\"",
        },
    };

    public static readonly Setting Certs = new("certs", SettingKind.TextList,
        "Certificate ids that he may have issued, import and delete; `*` stands for any characters and `?` for one.")
    {
        Required = true,
        ElementForm = "a certificate id or a pattern with * and ?",
        Example = "[\"module-server\"]",
    };

    public static readonly Setting Issuers = new("issuers", SettingKind.TextList,
        "Certificate ids that he may name as issuer in a request of his: certd then signs with that CA's key, so this is the right to use that key.")
    {
        Default = "`[]`",
        ElementForm = "a certificate id or a pattern with * and ?",
        Example = "[\"device-ca\"]",
    };

    public static readonly Setting Operations = new("operations", SettingKind.TextList,
        "What he may do to the device as a whole. `rescue`: bring a one-time credential or a signed rescue file. `distrust`: say which CAs are trusted no more.")
    {
        Default = "`[]`",
        Choices = ["rescue", "distrust"],
        Example = "[\"rescue\", \"distrust\"]",
    };

    public static readonly Section Principal = new("principal",
        "A local user and what certd admits him to, root not excepted. Reading certificates needs no entry. The user `estprov-identityd` is admitted to what it needs without being listed.")
    {
        Repeated = true,
        Settings = [CommonSettings.Uid, CommonSettings.User, Certs, Issuers, Operations],
        Sections = [CsrSchema.Csr],
    };

    public static readonly Section File = new("", "The Certificates Service: `/etc/estprov/certd.toml`.")
    {
        Settings = [HomedirPath, CommonSettings.MaxRequests, AliasSockets, Distrusted, DistrustSpread],
        Sections = [Issuance, PreloadedCerts, Principal],
    };
}
