using EstProv.Configuration.Schema;
using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Keyd;

/// <summary>From the tree to <see cref="KeydConfiguration"/>, and what must hold between keys.</summary>
internal static class KeydBinder
{
    public static KeydConfiguration Bind(TomlView root, BindContext context)
    {
        return new KeydConfiguration
        {
            HomedirPath = root.Text(KeydSchema.HomedirPath)?.Value ?? CommonSettings.DefaultHomedir(KeydSchema.Daemon),
            MaxRequests = (int)(root.Integer(CommonSettings.MaxRequests)?.Value ?? CommonSettings.DefaultMaxRequests),
            AliasSockets = root.TextList(KeydSchema.AliasSockets)?.Value ?? [],
            Pkcs11 = Pkcs11(root.Table(KeydSchema.Pkcs11), context),
            PreloadedKeys = PreloadedKeys(root, context),
            Principals = Principals(root, context),
            Secrets = context.Files.Secrets,
        };
    }

    private static Pkcs11Configuration? Pkcs11(TomlView table, BindContext context)
    {
        if (table.Text(KeydSchema.LibPath) is not { } library || table.Text(KeydSchema.BaseSlot) is not { } slot) return null;
        WarnOfPin("pkcs11.base_slot", slot, context);
        return new Pkcs11Configuration { LibPath = library, BaseSlot = slot };
    }

    private static Dictionary<string, Positioned<string>> PreloadedKeys(TomlView root, BindContext context)
    {
        var keys = new Dictionary<string, Positioned<string>>(StringComparer.Ordinal);
        var hasToken = root.Table(KeydSchema.Pkcs11).Exists;
        foreach (var entry in root.Table(KeydSchema.PreloadedKeys).Entries)
        {
            if (entry.Value.Kind != TomlKind.Text) continue;
            var uri = new Positioned<string>(entry.Value.Text, entry.Value.Position);
            var path = Shown.Key(KeydSchema.PreloadedKeys.Name, entry.Name);
            if (!hasToken && context.Complete)
            {
                context.Problems.Error(entry.Position, $"{path} stands in a token, but there is no [pkcs11]", "add [pkcs11] with the token's lib_path and base_slot");
            }

            WarnOfPin(path, uri, context);
            keys.Add(entry.Name, uri);
        }

        return keys;
    }

    private static void WarnOfPin(string path, Positioned<string> uri, BindContext context)
    {
        // In the query, where RFC 7512 section 2.4 has it; elsewhere it is an error.
        if (!uri.Value.Contains("?pin-value=", StringComparison.OrdinalIgnoreCase) && !uri.Value.Contains("&pin-value=", StringComparison.OrdinalIgnoreCase)) return;
        var isForAll = context.Files.IsReadableByOthers(uri.Position.File);
        context.Problems.Warn(uri.Position, isForAll ? $"{path} has its PIN in a file that every user of this machine may read" : $"{path} has its PIN in this file",
            isForAll ? "chmod o-r this file now; better, hand the PIN to the unit as a credential: pin-source=credential:pin"
                : "better, hand it to the unit as a credential, encrypted for this machine: pin-source=credential:pin");
    }

    private static List<KeyPrincipal> Principals(TomlView root, BindContext context)
    {
        var principals = new List<KeyPrincipal>();
        foreach (var principal in root.Repeated(KeydSchema.Principal))
        {
            if (Schema.Principals.Uid(principal, context.FindUser, context.Problems) is not { } uid) continue;
            principals.Add(new KeyPrincipal
            {
                Uid = uid,
                Keys = principal.TextList(KeydSchema.Keys)?.Value ?? [],
                Rights = Rights(principal.TextList(KeydSchema.Rights)?.Value),
            });
        }

        return principals;
    }

    private static KeyRights Rights(IReadOnlyList<string>? words)
    {
        if (words is null) return KeyRights.Use;
        var rights = KeyRights.None;
        foreach (var word in words)
        {
            rights |= word switch
            {
                "use" => KeyRights.Use,
                "generate" => KeyRights.Generate,
                "delete" => KeyRights.Delete,
                "export" => KeyRights.Export,
                _ => KeyRights.None,
            };
        }

        return rights;
    }
}
