namespace EstProv.Configuration.Live;

/// <summary>Where a daemon's configuration is, and how it is read, at the start and again.</summary>
/// <param name="file">See <see cref="ConfigurationLoader"/>.</param>
/// <param name="load">One of <see cref="ConfigurationLoader"/>'s.</param>
/// <param name="findUser">A local user's uid by name; null when there is none.</param>
public sealed class LiveSource<TConfiguration>(
    string file, string dropInFolder, Func<string, string, Func<string, uint?>, Loaded<TConfiguration>> load, Func<string, uint?> findUser)
    where TConfiguration : class
{
    public string File => file;

    /// <summary>How the files stood before the first reading.</summary>
    internal ConfigurationStamp? Stamp { get; private set; }

    /// <summary>For the start: a user who is unknown is an error.</summary>
    public Loaded<TConfiguration> LoadFirst()
    {
        // Before they are read, so that what changes in between is seen.
        Stamp = Look();
        return load(file, dropInFolder, findUser);
    }

    internal ConfigurationStamp Look() => ConfigurationStamp.Take(file, dropInFolder);

    /// <summary>While the daemon runs: the principals of users who are unknown are left out.</summary>
    /// <param name="missing">Gets their names, each once.</param>
    internal Loaded<TConfiguration> LoadAgain(List<string> missing)
    {
        var loaded = load(file, dropInFolder, name =>
        {
            if (findUser(name) is { } uid) return uid;
            if (!missing.Contains(name)) missing.Add(name);
            return ConfigurationLoader.NoUser;
        });
        // Only its principals are wanted, and no PIN comes back into memory with them.
        (loaded.Value as IDisposable)?.Dispose();
        return loaded;
    }
}
