using EstProv.Platform;

namespace EstProv.Configuration.Live;

/// <summary>How the files of a configuration stood at one time, and the machine's list of users with them. Nothing is read.</summary>
internal sealed class ConfigurationStamp
{
    private const string UserList = "/etc/passwd";

    // Times of files are as fine as the kernel's tick; a second change within one would not be seen.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(50);

    private readonly FileStamp[] _files;

    private ConfigurationStamp(FileStamp[] files, bool isSettled)
    {
        _files = files;
        IsSettled = isSettled;
    }

    /// <summary>False when a file changed so shortly before that another change may have the same time.</summary>
    public bool IsSettled { get; }

    public static ConfigurationStamp Take(string file, string dropInFolder)
    {
        List<FileStamp> files = [FileStamp.Of(file), FileStamp.Of(dropInFolder), FileStamp.Of(UserList)];
        try
        {
            if (files[1] != default)
            {
                foreach (var path in Directory.EnumerateFiles(dropInFolder, "*.toml")) files.Add(FileStamp.Of(path));
            }
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            files.Add(default);
        }

        // The wall clock, as the file system has it; a jump of it costs one reading more.
        var now = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        var settled = true;
        foreach (var one in files) settled &= Math.Abs(now - one.Changed) > Tick.Ticks * 100;
        return new ConfigurationStamp([.. files], settled);
    }

    public bool IsSameAs(ConfigurationStamp other) => _files.AsSpan().SequenceEqual(other._files);
}
