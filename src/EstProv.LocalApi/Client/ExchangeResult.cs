using System.Runtime.InteropServices;

namespace EstProv.LocalApi.Client;

/// <summary>A reply, or what went wrong: an errno, or words about an answer that is malformed.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ExchangeResult
{
    public LocalReply? Reply { get; init; }

    public int Error { get; init; }

    public string? Wrong { get; init; }

    /// <summary>Not one byte of an answer had come.</summary>
    public bool Untouched { get; init; }
}
