using EstProv.Configuration.Schema;

namespace EstProv.Configuration.Keyd;

/// <summary>Every key of <c>keyd.toml</c>.</summary>
internal static class KeydSchema
{
    public const string Daemon = "keyd";

    public static readonly Setting HomedirPath = CommonSettings.HomedirPath(Daemon);

    public static readonly Setting AliasSockets = CommonSettings.AliasSockets(Daemon);

    public static readonly Setting LibPath = new("lib_path", SettingKind.Text, "The vendor's PKCS#11 module (`.so`).")
    {
        Required = true,
        Form = "an absolute path",
        Check = Forms.AbsolutePath,
        Example = "\"/usr/lib/vendor-pkcs11.so\"",
    };

    public static readonly Setting BaseSlot = new("base_slot", SettingKind.Text,
        "The slot or token in which keys are generated, as a PKCS#11 URI of RFC 7512 (`slot-id`, `token`, …), with its PIN. `pin-source=file:/path` is better than " +
        "`pin-value`: the file is read when the PIN is needed, and the configuration holds no secret.")
    {
        Required = true,
        Form = "a PKCS#11 URI",
        Check = Forms.Pkcs11Uri,
        Secret = true,
        Example = "\"pkcs11:token=device?pin-source=file:/run/credentials/estprov-keyd.service/pin\"",
    };

    public static readonly Section Pkcs11 = new("pkcs11", "The token. Without this table keys are kept in files below `homedir_path`.")
    {
        Settings = [LibPath, BaseSlot],
    };

    public static readonly Section PreloadedKeys = new("preloaded_keys",
        "Keys that stand in the token already: a key id, and the PKCS#11 URI of the private key, or with `type=secret-key` of the symmetric key. They are used and never deleted.")
    {
        Entry = new Setting("ID", SettingKind.Text, "The key's PKCS#11 URI (`slot-id`, `token`, `object`, `id`, …; percent-encoded).")
        {
            Form = "a PKCS#11 URI",
            Check = Forms.Pkcs11Uri,
            Secret = true,
            ExampleName = "bootstrap",
            Example = "\"pkcs11:token=device;object=device%20id?pin-source=file:/run/credentials/estprov-keyd.service/pin\"",
        },
    };

    public static readonly Setting Keys = new("keys", SettingKind.TextList,
        "Key ids; `*` stands for any characters and `?` for one. `BASE/DATA` stands for the keys alone that are derived from BASE with such data, as a module's " +
        "`aziot_identityd_master_id/firmware:*`.")
    {
        Required = true,
        ElementForm = "a key id or a pattern with * and ?",
        Example = "[\"device-id\"]",
    };

    public static readonly Setting Rights = new("rights", SettingKind.TextList,
        "What may be done with them; no right implies another. `use`: read the public key, sign, MAC, encrypt. `generate`: create and replace. `delete`. `export`: " +
        "take a derived key out.")
    {
        Default = "`[\"use\"]`",
        Choices = ["use", "generate", "delete", "export"],
        Example = "[\"use\"]",
    };

    public static readonly Section Principal = new("principal",
        "A local user and what keyd admits him to, root not excepted. The users `estprov-certd` and `estprov-identityd` are admitted to what they need without being listed.")
    {
        Repeated = true,
        Settings = [CommonSettings.Uid, CommonSettings.User, Keys, Rights],
    };

    public static readonly Section File = new("", "The Key Service: `/etc/estprov/keyd.toml`.")
    {
        Settings = [HomedirPath, CommonSettings.MaxRequests, AliasSockets],
        Sections = [Pkcs11, PreloadedKeys, Principal],
    };
}
