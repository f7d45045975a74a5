using EstProv.Configuration.Certd;
using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Identityd;

/// <summary>Every key of <c>[provisioning]</c>, and which goes with which source.</summary>
internal static class ProvisioningSchema
{
    public const string DefaultGlobalEndpoint = "https://global.azure-devices-provisioning.net";
    public const string DefaultIdentity = "device-id";
    public const string Dps = "dps", Manual = "manual", None = "none";
    public const string X509 = "x509", SymmetricKeyMethod = "symmetric_key", Sas = "sas";

    public static readonly Setting Source = new("source", SettingKind.Text,
        "Where the device learns its hub from. `dps`: Azure's Device Provisioning Service assigns it. `manual`: it stands here. `none`: " +
            "there is no cloud; the device is provisioned once " +
        "it has its identity certificate.")
    {
        Required = true,
        Choices = [Dps, Manual, None],
        Example = "\"dps\"",
    };

    public static readonly Setting ScopeId = new("scope_id", SettingKind.Text, "The ID scope of the DPS instance. For `dps`.")
    {
        Default = "an error with `dps`",
        Form = "the ID scope of a DPS instance",
        Check = Forms.ScopeId,
        Example = "\"0ne00A1B2C3\"",
    };

    public static readonly Setting GlobalEndpoint = new("global_endpoint", SettingKind.Text, "DPS' endpoint. For `dps`.")
    {
        Default = $"`\"{DefaultGlobalEndpoint}\"`",
        Form = "an https URL",
        Check = Forms.HttpsUrl,
        Example = $"\"{DefaultGlobalEndpoint}\"",
    };

    public static readonly Setting IotHubHostname = new("iothub_hostname", SettingKind.Text,
        "The IoT hub that the device is registered in. For `manual`.")
    {
        Default = "an error with `manual`",
        Form = "a host name",
        Check = Forms.HostName,
        Example = "\"example.azure-devices.net\"",
    };

    public static readonly Setting DeviceId = new("device_id", SettingKind.Text,
        "The device's name in that hub; the common name of its certificate where certd gets one. For `manual`.")
    {
        Default = "an error with `manual`",
        Form = "at most 128 letters, digits and - . + % _ # * ? ! ( ) , : = @ $ '",
        Check = Forms.DeviceId,
        Example = "\"device-0001\"",
    };

    public static readonly Setting LocalGatewayHostname = new("local_gateway_hostname", SettingKind.Text,
        "The parent of a nested device (IoT Edge): callers are told it as `gatewayHost`, and what goes to the hub goes to it, with its " +
            "name in TLS. Not for `none`.")
    {
        Default = "the hub itself",
        Form = "a host name",
        Check = Forms.HostName,
        Example = "\"gateway.example.com\"",
    };

    public static readonly Setting AlwaysReprovisionOnStartup = new("always_reprovision_on_startup", SettingKind.Boolean,
        "`true`: every start asks DPS again (`manual`: the hub), and what was stored is served meanwhile and if that fails. Not for " +
            "`none`.")
    {
        Default = "`false`",
        Example = "false",
    };

    public static readonly Setting DynamicReprovisioning = new("dynamic_reprovisioning", SettingKind.Boolean,
        "Whether a hub that refuses the device's credential has it provisioned again. `false` leaves that to who may ask for it. Not " +
            "for `none`.")
    {
        Default = "`true`",
        Example = "true",
    };

    public static readonly Setting TrustedCerts = new("trusted_certs", SettingKind.TextList,
        "Certificate ids of certd's that DPS and the hub are verified against, in place of the system's store. The trust bundle is " +
            "never used for them unless it is named here. Not for `none`.")
    {
        Default = "the system's store",
        ElementForm = "a certificate id",
        Example = "[\"azure-root\"]",
    };

    public static readonly Setting AttestationMethod = new("method", SettingKind.Text,
        "How the device proves who it is. `x509`: by its identity certificate. `symmetric_key`: by tokens signed with the key of its " +
            "enrolment, which is in keyd; not for `none`.")
    {
        Required = true,
        Choices = [X509, SymmetricKeyMethod],
        VersionHint = "a TPM's endorsement key is no way here: put the device's key into the TPM by PKCS#11, and take x509",
        Example = "\"x509\"",
    };

    public static readonly Setting IdentityCert = new("identity_cert", SettingKind.Text,
        "Id of the device identity certificate in certd. For `x509`.")
    {
        Default = "an error with `x509`",
        Form = "a certificate id",
        Check = Forms.Id,
        Example = "\"device-id\"",
    };

    public static readonly Setting IdentityPk = new("identity_pk", SettingKind.Text, "Key id of its key in keyd. For `x509`.")
    {
        Default = "an error with `x509`",
        Form = "a key id",
        Check = Forms.Id,
        Example = "\"device-id\"",
    };

    public static readonly Setting RegistrationId = new("registration_id", SettingKind.Text,
        "The id under which the device registers, and the common name of its certificate. `symmetric_key` needs it.")
    {
        Default = "the common name of the device identity certificate",
        Form = "at most 128 letters, digits and - . _ :",
        Check = Forms.RegistrationId,
        Example = "\"device-0001\"",
    };

    public static readonly Setting SymmetricKey = new("symmetric_key", SettingKind.Text,
        "Key id of the enrolment's symmetric key in keyd. Of a group enrolment it is the device's own key, derived from the group's. " +
            "keyd lets identityd use `device-id` and `aziot_identityd_*`; " +
        "another id needs a `[[principal]]` there. For `symmetric_key`.")
    {
        Default = "an error with `symmetric_key`",
        Form = "a key id",
        Check = Forms.SymmetricKeyId,
        Secret = true,
        Example = "\"device-id\"",
    };

    public static readonly Setting AuthenticationMethod = new("method", SettingKind.Text,
        "How the device shows the hub who it is. `x509`: by its identity certificate. `sas`: by tokens signed with the device's key, " +
            "which is in keyd.")
    {
        Required = true,
        Choices = [X509, Sas],
        Example = "\"x509\"",
    };

    public static readonly Setting DeviceIdPk = new("device_id_pk", SettingKind.Text,
        "Key id of the device's symmetric key in keyd, which lets identityd use `device-id` and `aziot_identityd_*`; another id needs a " +
            "`[[principal]]` there. For `sas`.")
    {
        Default = "an error with `sas`",
        Form = "a key id",
        Check = Forms.SymmetricKeyId,
        Secret = true,
        Example = "\"device-id\"",
    };

    public static readonly Setting PayloadUri = new("uri", SettingKind.Text,
        "Path of a file with JSON, or its `file://` URI; read at each registration.")
    {
        Required = true,
        Form = "a file:// URI or an absolute path",
        Check = FileUri.Check,
        Example = "\"file:///etc/estprov/dps-payload.json\"",
    };

    public static readonly Section Payload = new("payload",
        "What is sent along with a registration, for a custom allocation policy of DPS: `payload = { uri = \"file:///…\" }`. For `dps`.")
    {
        Settings = [PayloadUri],
    };

    public static readonly Section Attestation = new("attestation",
        "How the device proves to DPS who it is. With `source = \"none\"` it says which certificate the device's identity is: `x509` " +
            "only, and without the table it is `device-id`, its key " +
        "`device-id`.")
    {
        Settings = [AttestationMethod, IdentityCert, IdentityPk, RegistrationId, SymmetricKey],
        ExampleSettings = [AttestationMethod, IdentityCert, IdentityPk, RegistrationId],
    };

    public static readonly Section Authentication = new("authentication",
        "How the device shows its hub who it is, with `source = \"manual\"`.")
    {
        Settings = [AuthenticationMethod, IdentityCert, IdentityPk, DeviceIdPk],
        ExampleSettings = [AuthenticationMethod, IdentityCert, IdentityPk],
    };

    public static readonly Section Provisioning = new("provisioning",
        "How the device finds its IoT hub. Which keys there are goes by the source.")
    {
        Required = true,
        Settings =
        [
            Source, ScopeId, GlobalEndpoint, IotHubHostname, DeviceId, LocalGatewayHostname, AlwaysReprovisionOnStartup,
                DynamicReprovisioning, TrustedCerts,
        ],
        ExampleSettings = [Source, ScopeId, GlobalEndpoint, TrustedCerts],
        Sections = [Attestation, Authentication, Payload],
    };

    private static readonly Setting[] s_cloud = [LocalGatewayHostname, AlwaysReprovisionOnStartup, DynamicReprovisioning, TrustedCerts];

    public static IReadOnlyList<Variant> Sources { get; } =
    [
        new(Dps) { Needed = [ScopeId], Possible = [GlobalEndpoint, .. s_cloud], NeededTables = [Attestation], PossibleTables = [Payload] },
        new(Manual) { Needed = [IotHubHostname, DeviceId], Possible = s_cloud, NeededTables = [Authentication] },
        new(None) { PossibleTables = [Attestation] },
    ];

    public static IReadOnlyList<Variant> Attestations { get; } =
    [
        new(X509) { Needed = [IdentityCert, IdentityPk], Possible = [RegistrationId] },
        new(SymmetricKeyMethod) { Needed = [RegistrationId, SymmetricKey] },
    ];

    public static IReadOnlyList<Variant> Authentications { get; } =
    [
        new(X509) { Needed = [IdentityCert, IdentityPk] },
        new(Sas) { Needed = [DeviceIdPk] },
    ];
}
