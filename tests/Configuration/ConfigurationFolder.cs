using System.Text;
using EstProv.Configuration.Certd;
using EstProv.Configuration.Identityd;
using EstProv.Configuration.Keyd;

namespace EstProv.Configuration.Tests;

/// <summary>A folder of real files for one test; messages show its files by their names alone.</summary>
internal sealed class ConfigurationFolder : IDisposable
{
    public ConfigurationFolder() => Folder = Directory.CreateTempSubdirectory("estprov-configuration-").FullName;

    public string Folder { get; }

    public string DropIns => Path.Combine(Folder, "conf.d");

    public ConfigurationFolder Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public ConfigurationFolder Write(string name, byte[] bytes)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return this;
    }

    public Loaded<KeydConfiguration> Keyd() => ConfigurationLoader.LoadKeyd(Path.Combine(Folder, "keyd.toml"), DropIns, FindUser);

    public Loaded<CertdConfiguration> Certd() => ConfigurationLoader.LoadCertd(Path.Combine(Folder, "certd.toml"), DropIns, FindUser);

    public Loaded<IdentitydConfiguration> Identityd() => ConfigurationLoader.LoadIdentityd(Path.Combine(Folder, "identityd.toml"), DropIns, FindUser);

    /// <summary>What a terminal shows, without the folder.</summary>
    public string Shown<T>(Loaded<T> loaded)
        where T : class => loaded.ToTerminalText().Replace(Folder + "/", "", StringComparison.Ordinal);

    public static uint? FindUser(string name) => name switch
    {
        "firmware" => 1001,
        "edge-agent" => 1002,
        _ => null,
    };

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
