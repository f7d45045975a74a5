namespace EstProv.Crash.Device;

/// <summary>Small folders, copied and emptied as a whole.</summary>
internal static class Folders
{
    /// <summary>Makes <paramref name="to"/> what <paramref name="from"/> is, modes included.</summary>
    public static void Replace(string from, string to)
    {
        Remove(to);
        Copy(new DirectoryInfo(from), to);
    }

    public static void Remove(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    private static void Copy(DirectoryInfo from, string to)
    {
        Directory.CreateDirectory(to, from.UnixFileMode | UnixFileMode.UserWrite);
        foreach (var entry in from.EnumerateFileSystemInfos())
        {
            var target = Path.Combine(to, entry.Name);
            if (entry is DirectoryInfo inner) Copy(inner, target);
            // Sockets have no content; a daemon cut while it opened one leaves it under its first name, NAME.sock~.
            else if (!entry.Name.TrimEnd('~').EndsWith(".sock", StringComparison.Ordinal)) File.Copy(entry.FullName, target);
        }
    }
}
