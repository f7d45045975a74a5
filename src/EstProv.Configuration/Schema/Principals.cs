using EstProv.Configuration.Toml;

namespace EstProv.Configuration.Schema;

/// <summary>Whom a <c>[[principal]]</c> means.</summary>
internal static class Principals
{
    /// <summary>The uid, or null: then a problem says why, or the look-up has left the user out.</summary>
    public static uint? Uid(TomlView principal, Func<string, uint?> findUser, Problems problems)
    {
        if (principal.Has(CommonSettings.Uid) && principal.Has(CommonSettings.User))
        {
            problems.Error(principal.Position, "[[principal]] has uid and user; allowed: one of them",
                "keep user: a number may belong to somebody else after an update of the system");
            return null;
        }

        if (principal.Integer(CommonSettings.Uid) is { } uid) return unchecked((uint)uid.Value);
        if (principal.Text(CommonSettings.User) is { } user)
        {
            if (Forms.Text(user.Value) is not null) return null;
            if (findUser(user.Value) is { } found) return found == ConfigurationLoader.NoUser ? null : found;
            problems.Error(user.Position, $"principal.user = {Shown.Value(user.Value)} is unknown on this machine; allowed: {CommonSettings.User.Allowed}",
                "create the user, or give its number as uid");
        }
        else if (!principal.Has(CommonSettings.Uid) && !principal.Has(CommonSettings.User))
        {
            problems.Error(principal.Position, "[[principal]] names nobody; allowed: uid, an integer, or user, a name", "add user = \"…\"");
        }

        return null;
    }
}
