using EstProv.Configuration;

namespace EstProv.Cli.Checks;

/// <summary><c>configuration</c>: the three files with their drop-ins, and the users of their principals.</summary>
internal static class ConfigurationChecks
{
    private const string Check = "configuration", Group = "estprov";

    public static void Run(CheckContext on)
    {
        on.Keyd = Load(on, "keyd", ConfigurationLoader.LoadKeyd);
        on.Certd = Load(on, "certd", ConfigurationLoader.LoadCertd);
        on.Identityd = Load(on, "identityd", ConfigurationLoader.LoadIdentityd);
        foreach (var principal in on.Keyd?.Principals ?? []) LookFor(on, "keyd", principal.Uid);
        foreach (var principal in on.Certd?.Principals ?? []) LookFor(on, "certd", principal.Uid);
        foreach (var principal in on.Identityd?.Principals ?? []) LookFor(on, "identityd", principal.Uid);
    }

    private static T? Load<T>(CheckContext on, string daemon, Func<string, string, Func<string, uint?>, Loaded<T>> load)
        where T : class
    {
        var file = Path.Combine(on.Folder, daemon + ".toml");
        var loaded = load(file, Path.Combine(on.Folder, daemon + ".d"), on.Machine.FindUser);
        foreach (var error in loaded.Errors)
        {
            // Drop-ins may hold secrets, and are not for everybody's eyes.
            if (on.Machine.Self != 0 && error.Message.Contains("permission denied", StringComparison.Ordinal))
                on.Findings.Warn(Check, "config_unreadable", $"{error}", "run this as root to have it looked at");
            else on.Findings.Error(Check, "config_invalid", $"{error}", error.Hint);
        }

        foreach (var warning in loaded.Warnings) on.Findings.Warn(Check, "config_warning", $"{warning}", warning.Hint);
        if (loaded.Errors.Count == 0 && loaded.Warnings.Count == 0) on.Findings.Pass(Check, file);
        return loaded.Value;
    }

    private static void LookFor(CheckContext on, string daemon, uint uid)
    {
        if (!on.Machine.HasName(uid))
        {
            on.Findings.Warn("users", "principal_unknown", $"{daemon}.toml: no user of this machine has the uid {uid} of a [[principal]]",
                "write user = \"NAME\" instead, or remove it: whoever gets that number later has its rights");
        }
        // Root opens every socket; that the group is there is another check's.
        else if (uid != 0 && on.Machine.HasGroup(Group) && !on.Machine.IsInGroup(uid, Group))
        {
            on.Findings.Warn("users", "principal_group", $"{daemon}.toml: the user of a [[principal]] with uid {uid} is not in the group {Group}, and may not open the sockets",
                $"usermod -a -G {Group} NAME, then start its program anew");
        }
    }
}
