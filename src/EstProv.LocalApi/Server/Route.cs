using System.Runtime.InteropServices;
using System.Text;

namespace EstProv.LocalApi.Server;

/// <summary>One method and pattern, such as <c>GET /keypair/{id}</c>, and what answers it.</summary>
internal sealed class Route
{
    private readonly Segment[] _segments;

    public Route(string method, string pattern, string[] apiVersions, RouteHandler handler, RouteOptions options, TimeSpan deadline)
    {
        if (pattern.Length == 0 || pattern[0] != '/') throw new ArgumentException("a pattern begins with '/'", nameof(pattern));
        var parts = pattern[1..].Split('/');
        _segments = new Segment[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            var isParameter = parts[i] is ['{', .., '}'];
            _segments[i] = new Segment(isParameter ? parts[i][1..^1] : null, Encoding.ASCII.GetBytes(isParameter ? "" : parts[i]));
        }

        Name = $"{method} {pattern}";
        Method = Encoding.ASCII.GetBytes(method);
        ApiVersions = apiVersions;
        Handler = handler;
        Waits = options.Waits;
        Deadline = options.Deadline ?? deadline;
    }

    /// <summary>For messages: <c>GET /keypair/{id}</c>.</summary>
    public string Name { get; }

    public byte[] Method { get; }

    public string[] ApiVersions { get; }

    public RouteHandler Handler { get; }

    public bool Waits { get; }

    /// <summary>Of the handler, where it does not wait by design.</summary>
    public TimeSpan Deadline { get; }

    /// <summary>Compares a path, still percent-encoded, that begins with '/'. A parameter matches any one segment that is not empty.</summary>
    public bool Matches(ReadOnlySpan<byte> path)
    {
        var rest = path[1..];
        for (var i = 0; i < _segments.Length; i++)
        {
            var end = rest.IndexOf((byte)'/');
            if (end < 0 != (i == _segments.Length - 1)) return false;
            var part = end < 0 ? rest : rest[..end];
            if (_segments[i].Parameter is null ? !part.SequenceEqual(_segments[i].Literal) : part.IsEmpty) return false;
            if (end >= 0) rest = rest[(end + 1)..];
        }

        return true;
    }

    /// <summary>Which segment of the path is <c>{name}</c>.</summary>
    public int ParameterSegment(string name)
    {
        for (var i = 0; i < _segments.Length; i++)
        {
            if (_segments[i].Parameter == name) return i;
        }

        throw new ArgumentException($"the route has no parameter {name}", nameof(name));
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Segment(string? Parameter, byte[] Literal);
}
