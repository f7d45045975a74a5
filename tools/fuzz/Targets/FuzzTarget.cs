namespace EstProv.Fuzz.Targets;

/// <summary>A piece of the product that reads what others wrote.</summary>
public abstract class FuzzTarget : IDisposable
{
    /// <summary>All of them, by the names of their folders below tests/Fuzz/corpora.</summary>
    public static IReadOnlyList<string> Names { get; } = ["http", "json", "uri", "toml"];

    /// <summary>Words that random bytes would not find.</summary>
    public abstract IReadOnlyList<string> Words { get; }

    /// <summary>The longest input that is worth trying, in bytes.</summary>
    public virtual int LongestInput => 4096;

    /// <summary>Executions after which <see cref="Reset"/> is due, for a target that keeps something; 0 for one that keeps nothing.</summary>
    public virtual int ExecutionsPerReset => 0;

    public static FuzzTarget Create(string name) => name switch
    {
        "http" => new HttpTarget(),
        "json" => new JsonTarget(),
        "uri" => new UriTarget(),
        "toml" => new TomlTarget(),
        _ => throw new ArgumentException($"there is no target '{name}'; there are {string.Join(", ", Names)}", nameof(name)),
    };

    /// <summary>Reads one input. Whatever it throws is a failure, be it the product's own exception or a broken promise.</summary>
    /// <exception cref="BrokenPromiseException">The product did something that it promises not to do.</exception>
    public abstract void Execute(byte[] input);

    /// <summary>Forgets what the executions so far have left.</summary>
    public virtual void Reset()
    {
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    protected static void Promise(bool kept, string what)
    {
        if (!kept) throw new BrokenPromiseException(what);
    }
}

/// <summary>Something that must hold for every input did not.</summary>
public sealed class BrokenPromiseException(string what) : Exception(what);
