namespace EstProv.Configuration;

/// <summary>A value and where it stands, so that an error found later can still say <c>file:line:column</c>.</summary>
public readonly record struct Positioned<T>(T Value, Position Position);

/// <summary>A place in a configuration file; line and column count from 1, line 0 means the file as a whole.</summary>
public readonly record struct Position(string File, int Line, int Column)
{
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}
