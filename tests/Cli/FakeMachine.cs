using EstProv.Cli.Checks;
using EstProv.Platform;

namespace EstProv.Cli.Tests;

/// <summary>A machine with the users of a device, on which root runs the command; a test breaks it.</summary>
internal sealed class FakeMachine : Machine
{
    public Dictionary<string, uint> Users { get; } = new()
    {
        ["root"] = 0,
        ["estprov-keyd"] = 1001,
        ["estprov-certd"] = 1002,
        ["estprov-identityd"] = 1003,
    };

    /// <summary>Beside root and the daemons.</summary>
    public List<uint> Members { get; } = [];

    public bool IsGroupThere { get; set; } = true;

    /// <summary>By the last part of the path.</summary>
    public Dictionary<string, FileOwner> Owners { get; } = new()
    {
        // 0700
        ["keyd"] = new(1001, 0x1C0),
        ["certd"] = new(1002, 0x1C0),
        ["identityd"] = new(1003, 0x1C0),
    };

    public long Free { get; set; } = 1L << 30;

    public ProblemException? ProviderProblem { get; set; }

    public uint Caller { get; set; }

    /// <summary>What is answered to a question.</summary>
    public string Line { get; set; } = "";

    /// <summary>After so many pauses whoever reads our output has gone.</summary>
    public int Pauses { get; set; }

    public List<string> Became { get; } = [];

    public DateTimeOffset Built { get; set; }

    public override DateTimeOffset BuildTime => Built;

    public List<string> Ran { get; } = [];

    public string Printed { get; set; } = "";

    public override uint Self => Caller;

    public override string HostName => "machine-7";

    public override uint? FindUser(string name) => Users.TryGetValue(name, out var uid) ? uid : null;

    public override bool HasGroup(string name) => IsGroupThere;

    public override bool IsInGroup(uint uid, string group) => Members.Contains(uid);

    public override bool HasName(uint uid) => Users.ContainsValue(uid);

    /// <summary>Any other folder is root's, and open to all for reading.</summary>
    public override FileOwner? OwnerOf(string path) =>
        Owners.TryGetValue(Path.GetFileName(path), out var owner) ? owner.Mode < 0 ? null : owner : new FileOwner(0, 0x1ED);

    public override long? FreeBytes(string path) => Free;

    public override void Pause(TimeSpan time)
    {
        if (--Pauses <= 0) throw new IOException("nobody reads", OperatorCommand.BrokenPipe);
    }

    public override string ReadLine() => Line;

    public override void Become(string program, string[] arguments) => Became.AddRange([program, .. arguments]);

    public override string OutputOf(string commandLine, int most)
    {
        Ran.Add(commandLine);
        return Printed;
    }

    public override string LoadProvider() => ProviderProblem is null ? "/usr/lib/ossl-modules/estprov.so" : throw ProviderProblem;
}
