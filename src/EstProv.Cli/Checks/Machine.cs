using System.Text;
using EstProv.Keys.Tls;
using EstProv.LocalApi;
using EstProv.Platform;

namespace EstProv.Cli.Checks;

/// <summary>What checks ask of the machine; tests put another one in its place.</summary>
internal class Machine(DateTimeOffset buildTime = default)
{
    /// <summary>The device's clock cannot be right where it says less.</summary>
    public virtual DateTimeOffset BuildTime => buildTime;

    public virtual uint Self => Users.Self;

    public virtual uint? FindUser(string name) => Users.FindUser(name);

    public virtual bool HasGroup(string name) => Users.FindGroup(name) is not null;

    /// <summary>False where there is no such group.</summary>
    public virtual bool IsInGroup(uint uid, string group) => Users.IsInGroup(uid, group);

    public virtual bool HasName(uint uid) => Users.NameOf(uid) is not null;

    /// <summary>Null where it cannot be looked at.</summary>
    public virtual FileOwner? OwnerOf(string path) => FileOwner.Of(path);

    public virtual long? FreeBytes(string path) => FileOwner.FreeBytes(path);

    public virtual string HostName => Environment.MachineName;

    /// <exception cref="IOException">Nobody reads our output any more, which writing does not tell.</exception>
    public virtual void Pause(TimeSpan time)
    {
        if (PipeEnd.IsClosed(PipeEnd.StandardOutput)) throw new IOException("nobody reads", OperatorCommand.BrokenPipe);
        Thread.Sleep(time);
    }

    /// <summary>The next line of the standard input; empty at its end.</summary>
    public virtual string ReadLine()
    {
        using var input = Console.OpenStandardInput();
        var line = new StringBuilder();
        while (input.ReadByte() is >= 0 and not '\n' and var read) line.Append((char)read);
        return line.ToString();
    }

    /// <summary>Goes on as another program, which takes this one's place (execve(2)); returns only where there is no such
    /// program.</summary>
    public virtual void Become(string program, string[] arguments) => ProcessReplacement.Become(program, arguments);

    /// <summary>What a command line of ours, in which nothing comes from a caller, prints on both streams; empty where there is no such
    /// program.</summary>
    public virtual string OutputOf(string commandLine, int most) => ProgramOutput.Read(commandLine, most);

    /// <summary>The path of OpenSSL's provider.</summary>
    /// <exception cref="ProblemException"><c>provider_*</c>.</exception>
    public virtual string LoadProvider() => ProviderKeys.LoadProvider();
}
