namespace EstProv.EndToEnd.Tests.Support;

/// <summary>
/// The daemons' users and their group, which the machine of the tests does not have: in a mount namespace, in which /etc/passwd and
/// /etc/group are files of the test's. Each daemon runs there as its own user, and owns what it owns on a device. Needs root.
/// </summary>
internal sealed class DaemonUsers
{
    private const int First = 61180, Group = First + 9;
    private static readonly string[] s_daemons = ["keyd", "certd", "identityd"];
    private readonly Device _device;

    public DaemonUsers(Device device)
    {
        _device = device;
        var (users, groups) = (File.ReadAllText("/etc/passwd"), File.ReadAllText("/etc/group"));
        foreach (var daemon in s_daemons)
        {
            users += $"estprov-{daemon}:x:{IdOf(daemon)}:{IdOf(daemon)}::/:/usr/sbin/nologin\n";
            groups += $"estprov-{daemon}:x:{IdOf(daemon)}:\n";
        }

        File.WriteAllText(device.At("passwd"), users);
        File.WriteAllText(device.At("group"), groups + $"estprov:x:{Group}:estprov-keyd,estprov-certd,estprov-identityd\n");
        device.Before = Before;
        Own();
    }

    /// <summary>As an installed device has it. What root's tools have put into the token is keyd's again.</summary>
    public void Own()
    {
        Tool.Run("chmod", ["0755", _device.Folder]);
        Tool.Run("chown", ["-R", $"{IdOf("keyd")}:{IdOf("keyd")}", _device.At("token")]);
        Tool.Run("chown", [$"{IdOf("keyd")}:{IdOf("keyd")}", _device.At("pin")]);
        Tool.Run("chmod", ["0600", _device.At("pin")]);
        foreach (var daemon in s_daemons)
        {
            Tool.Run("chown", ["-R", $"{IdOf(daemon)}:{IdOf(daemon)}", _device.At(daemon)]);
            Tool.Run("chmod", ["0700", _device.At(daemon)]);
            Tool.Run("chown", [$"0:{IdOf(daemon)}", _device.At(daemon + ".toml")]);
            Tool.Run("chmod", ["0640", _device.At(daemon + ".toml")]);
        }
    }

    /// <summary>
    /// Starts a daemon. systemd makes its socket as root; here it does so itself, and the sockets' folder is open to it for so long.
    /// </summary>
    public void Start(string daemon)
    {
        Tool.Run("chmod", ["0777", _device.RuntimeDir]);
        _device.Start(daemon);
        _device.WaitForSocket(daemon);
        Tool.Run("chmod", ["0755", _device.RuntimeDir]);
    }

    public static int IdOf(string daemon) => First + Array.IndexOf(s_daemons, daemon);

    private string[] Before(string name)
    {
        string[] line =
        [
            "unshare", "--mount", "--propagation", "private", "sh", "-ec",
            "mount --bind \"$1/passwd\" /etc/passwd; mount --bind \"$1/group\" /etc/group; shift; exec \"$@\"", "sh", _device.Folder,
        ];
        return name == "estprov" ? line : [.. line, "setpriv", "--reuid", $"estprov-{name}", "--regid", $"estprov-{name}", "--init-groups"];
    }
}
