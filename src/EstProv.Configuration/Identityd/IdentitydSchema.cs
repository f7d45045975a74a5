using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Identityd;

/// <summary>Every key of <c>identityd.toml</c>.</summary>
internal static class IdentitydSchema
{
    public const string Daemon = "identityd";
    public const string Local = "local";

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
        Sections = [ProvisioningSchema.Provisioning, LocalIdSchema.LocalId, Principal],
    };
}
