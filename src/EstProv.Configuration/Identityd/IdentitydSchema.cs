using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Identityd;

/// <summary>Every key of <c>identityd.toml</c>.</summary>
internal static class IdentitydSchema
{
    public const string Daemon = "identityd";
    public const string Local = "local";
    public const string Module = "module";
    public const string Sas = "sas";
    public const string X509 = "x509";

    public static readonly Setting HomedirPath = CommonSettings.HomedirPath(Daemon);

    public static readonly Setting AliasSockets = CommonSettings.AliasSockets(Daemon);

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
        Choices = ["device", Module, Local],
        Example = "[\"module\"]",
    };

    public static readonly Setting Auth = new("auth", SettingKind.Text,
        "What the module shows its hub: SAS tokens, signed with a key that keyd derives (`sas`), or a certificate of its own (`x509`). certd " +
            $"issues and renews that under the id `{IdentityPrincipal.ModuleCertificates}NAME`, which its `[cert_issuance]` must know; its key " +
            "has the same id in keyd.")
    {
        Default = "`\"sas\"`",
        Choices = [Sas, X509],
        Example = "\"x509\"",
    };

    public static readonly Section Principal = new("principal", "A local user and what identityd admits him to, root not excepted.")
    {
        Repeated = true,
        Settings = [CommonSettings.Uid, CommonSettings.User, ModuleName, IdType, Auth],
        Sections = [LocalIdSchema.Options],
    };

    public static readonly Section File = new("", "The Identity Service: `/etc/estprov/identityd.toml`.")
    {
        Settings = [HomedirPath, CommonSettings.MaxRequests, AliasSockets],
        Sections = [ProvisioningSchema.Provisioning, LocalIdSchema.LocalId, Principal],
    };
}
