using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Identityd;

/// <summary>Every key of <c>identityd.toml</c>.</summary>
internal static class IdentitydSchema
{
    public const string Daemon = "identityd";
    public const string Local = "local";
    public const string DefaultGlobalEndpoint = "https://global.azure-devices-provisioning.net";

    public static readonly Setting HomedirPath = CommonSettings.HomedirPath(Daemon);

    public static readonly Setting AliasSockets = CommonSettings.AliasSockets(Daemon);

    public static readonly Setting Source = new("source", SettingKind.Text, "Where the device learns its hub from: `dps`, Azure's Device Provisioning Service.")
    {
        Required = true,
        Choices = ["dps"],
        VersionHint = "this version provisions by DPS only",
        Example = "\"dps\"",
    };

    public static readonly Setting ScopeId = new("scope_id", SettingKind.Text, "The ID scope of the DPS instance.")
    {
        Required = true,
        Form = "the ID scope of a DPS instance",
        Check = Forms.ScopeId,
        Example = "\"0ne00A1B2C3\"",
    };

    public static readonly Setting GlobalEndpoint = new("global_endpoint", SettingKind.Text, "DPS' endpoint.")
    {
        Default = $"`\"{DefaultGlobalEndpoint}\"`",
        Form = "an https URL",
        Check = Forms.HttpsUrl,
        Example = $"\"{DefaultGlobalEndpoint}\"",
    };

    public static readonly Setting TrustedCerts = new("trusted_certs", SettingKind.TextList,
        "Certificate ids of certd's that DPS and the hub are verified against, in place of the system's store. The trust bundle is never used for them unless it is named here.")
    {
        Default = "the system's store",
        ElementForm = "a certificate id",
        Example = "[\"azure-root\"]",
    };

    public static readonly Setting AttestationMethod = new("method", SettingKind.Text, "How the device proves who it is: `x509`, by its identity certificate.")
    {
        Required = true,
        Choices = ["x509"],
        VersionHint = "this version proves the device by its certificate only",
        Example = "\"x509\"",
    };

    public static readonly Setting IdentityCert = new("identity_cert", SettingKind.Text, "Id of the device identity certificate in certd.")
    {
        Required = true,
        Form = "a certificate id",
        Check = Forms.Id,
        Example = "\"device-id\"",
    };

    public static readonly Setting IdentityPk = new("identity_pk", SettingKind.Text, "Key id of its key in keyd.")
    {
        Required = true,
        Form = "a key id",
        Check = Forms.Id,
        Example = "\"device-id\"",
    };

    public static readonly Setting RegistrationId = new("registration_id", SettingKind.Text, "The id under which the device registers, and the common name of its certificate.")
    {
        Default = "the common name of the device identity certificate",
        Form = "at most 128 letters, digits and - . _ :",
        Check = Forms.RegistrationId,
        Example = "\"device-0001\"",
    };

    public static readonly Section Attestation = new("attestation", "How the device proves to DPS who it is.")
    {
        Required = true,
        Settings = [AttestationMethod, IdentityCert, IdentityPk, RegistrationId],
    };

    public static readonly Section Provisioning = new("provisioning", "How the device finds its IoT hub.")
    {
        Required = true,
        Settings = [Source, ScopeId, GlobalEndpoint, TrustedCerts],
        Sections = [Attestation],
    };

    public static readonly Setting ModuleName = new("name", SettingKind.Text, "Name of the host-level module that this user is.")
    {
        Required = true,
        Form = "a module name",
        Check = Forms.Id,
        Example = "\"firmware\"",
    };

    public static readonly Setting IdType = new("idtype", SettingKind.TextList,
        "Which identities the user may have: the `device`'s, that of its `module`, a `local` one. Without it, the user may manage all identities, as a module runtime does.")
    {
        Choices = ["device", "module", Local],
        Example = "[\"module\"]",
    };

    public static readonly Section Principal = new("principal", "A local user and what identityd admits him to, root not excepted.")
    {
        Repeated = true,
        Settings = [CommonSettings.Uid, CommonSettings.User, ModuleName, IdType],
        Sections = [LocalIdSchema.Options],
    };

    public static readonly Section File = new("", "The Identity Service: `/etc/estprov/identityd.toml`.")
    {
        Settings = [HomedirPath, CommonSettings.MaxRequests, AliasSockets],
        Sections = [Provisioning, LocalIdSchema.LocalId, Principal],
    };
}
