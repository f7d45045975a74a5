namespace EstProv.Configuration.Schema;

/// <summary>Settings that the three files share.</summary>
internal static class CommonSettings
{
    public const int DefaultMaxRequests = 10;

    public static Setting HomedirPath(string daemon) => new("homedir_path", SettingKind.Text, "State folder; it must belong to the daemon's user and outlive updates of the system.")
    {
        Default = $"`\"{DefaultHomedir(daemon)}\"`",
        Form = "an absolute path",
        Check = Forms.AbsolutePath,
        Example = $"\"{DefaultHomedir(daemon)}\"",
    };

    public static string DefaultHomedir(string daemon) => $"/var/lib/estprov/{daemon}";

    public static readonly Setting MaxRequests = new("max_requests", SettingKind.Integer, "Requests in progress at one time, for each local user; more are answered 503.")
    {
        Default = $"`{DefaultMaxRequests}`",
        Smallest = 1,
        Largest = 1000,
        Example = "10",
    };

    public static Setting AliasSockets(string daemon) => new("alias_sockets", SettingKind.TextList,
        "Further sockets on which the same is served to the same users, for clients that have another path compiled in, such as those of Azure IoT Identity Service. Their " +
        "folder must exist, and be writable for the daemon's user; a socket that cannot be bound is logged, and the others are served.")
    {
        Default = "`[]`",
        ElementForm = "an absolute path of at most 106 bytes",
        Check = Forms.SocketPath,
        Example = $"[\"/run/aziot/{daemon}.sock\"]",
    };

    public static readonly Setting Uid = new("uid", SettingKind.Integer, "The local user by number. Either this or `user`.")
    {
        Smallest = 0,
        // The highest value is (uid_t)-1: no user.
        Largest = uint.MaxValue - 1,
        Example = "1000",
    };

    public static readonly Setting User = new("user", SettingKind.Text, "The local user by name, looked up when the daemon starts and whenever its files or `/etc/passwd` change. Either this or `uid`.")
    {
        Form = "the name of a local user",
        Example = "\"edge-agent\"",
    };
}
