using System.Globalization;
using EstProv.Platform;

namespace EstProv.Cli.Checks;

/// <summary><c>users</c>, <c>sockets</c>, <c>state</c> and <c>provider</c>: what the daemons need of the machine.</summary>
internal static class MachineChecks
{
    private const int OthersWrite = 0x12, Others = 0x3F; // 022, 077
    private const long LeastFree = 1 << 20, FewFree = 16 << 20;

    public static void Run(CheckContext on)
    {
        var missing = "";
        foreach (var daemon in CheckContext.Names)
        {
            if (on.Machine.FindUser("estprov-" + daemon) is null) missing += $" estprov-{daemon}";
        }

        if (!on.Machine.HasGroup("estprov")) missing += " estprov (a group)";
        if (missing.Length == 0) on.Findings.Pass("users", "estprov-keyd, estprov-certd, estprov-identityd and the group estprov");
        else on.Findings.Error("users", "user_missing", $"not on this machine:{missing}",
            "systemd-sysusers makes them out of /usr/lib/sysusers.d/estprov.conf");

        Configuration(on);
        Sockets(on);
        State(on, "keyd", on.Keyd?.HomedirPath);
        State(on, "certd", on.Certd?.HomedirPath);
        State(on, "identityd", on.Identityd?.HomedirPath);
        try
        {
            on.Findings.Pass("provider", on.Machine.LoadProvider());
        }
        catch (ProblemException problem)
        {
            on.Findings.Error("provider", problem);
        }
    }

    /// <summary>Who may write there says which library keyd loads, and whom it obeys.</summary>
    private static void Configuration(CheckContext on)
    {
        foreach (var folder in (string[])[on.Folder, .. Array.ConvertAll(CheckContext.Names, daemon => Path.Combine(on.Folder, daemon + ".d"))])
        {
            if (on.Machine.OwnerOf(folder) is { } owner && (owner.User != 0 || (owner.Mode & OthersWrite) != 0))
                on.Findings.Warn("configuration", "config_folder", $"{folder} can be written by others than root ({Shown(owner)})", $"chown root:root {folder}; chmod 0755 {folder}");
        }
    }

    private static void Sockets(CheckContext on)
    {
        var folder = on.Daemons.Folder;
        if (on.Machine.OwnerOf(folder) is not { } owner)
            on.Findings.Error("sockets", "socket_folder", $"{folder} is not there",
                "systemd-tmpfiles --create makes it out of /usr/lib/tmpfiles.d/estprov.conf");
        else if (owner.User != 0 || (owner.Mode & OthersWrite) != 0)
            on.Findings.Warn("sockets", "socket_folder", $"{folder} can be written by others than root ({Shown(owner)})",
                $"chown root:root {folder}; chmod 0755 {folder}");
        else on.Findings.Pass("sockets", folder);
    }

    private static void State(CheckContext on, string daemon, string? folder)
    {
        // Without the configuration it is not known where it is.
        if (folder is null) return;
        if (on.Machine.OwnerOf(folder) is not { } owner)
        {
            if (on.Machine.Self == 0)
                on.Findings.Error("state", "state_missing", $"{folder} is not there",
                    $"has estprov-{daemon} ever run? systemctl status estprov-{daemon}");
            else on.Findings.Warn("state", "state_unseen", $"{folder} is not there, or cannot be looked at by you",
                "run this as root to have it looked at");
            return;
        }

        if (on.Machine.FindUser("estprov-" + daemon) is { } user && owner.User != user)
            on.Findings.Error("state", "state_owner", $"{folder} does not belong to estprov-{daemon} ({Shown(owner)})",
                $"chown -R estprov-{daemon}:estprov-{daemon} {folder}");
        else if ((owner.Mode & Others) != 0)
            on.Findings.Warn("state", "state_mode", $"{folder} is open to others ({Shown(owner)})", $"chmod 0700 {folder}");
        else if (on.Machine.FreeBytes(folder) is not { } free || free >= FewFree)
            on.Findings.Pass("state", folder);
        else if (free < LeastFree)
            on.Findings.Error("state", "disk_full", $"{folder} has {free / 1024} KiB left",
                "make room: a renewal that cannot be written is lost");
        else on.Findings.Warn("state", "disk_low", $"{folder} has {free / (1 << 20)} MiB left", "make room");
    }

    private static string Shown(FileOwner owner) =>
        string.Create(CultureInfo.InvariantCulture, $"uid {owner.User}, mode 0{Convert.ToString(owner.Mode, 8)}");
}
