using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>
/// Reads the <c>decoder</c> of a <c>tokenizer.json</c>. Its steps act on single tokens until ByteLevel or Fuse joins them, so they are applied to the vocabulary once; what
/// comes after the joining can only strip the start.
/// </summary>
internal sealed class TokenDecoderReader
{
    private readonly List<Normalizer> _replacements = [];
    private readonly bool _isSpaced;
    private bool _isByteLevel;
    private bool _hasFallback;
    private bool _isFused;
    private char _leadingCharacter;
    private int _mostLeading;

    public TokenDecoderReader(JsonField? decoder)
    {
        _isSpaced = decoder is null;
        if (decoder is { } field)
        {
            ReadStep(field);
        }
    }

    /// <summary>What the tokens contribute.</summary>
    /// <param name="tokens">As the file writes them, by id; null where an id is not in use.</param>
    /// <param name="special">By id.</param>
    public TokenDecoder Read(List<byte[]?> tokens, BitArray special)
    {
        var inUse = new BitArray(tokens.Count);
        var fallbackBytes = new BitArray(tokens.Count);
        var contributions = new byte[]?[tokens.Count];
        for (int id = 0; id < tokens.Count; id++)
        {
            if (tokens[id] is not { } token)
            {
                continue;
            }

            inUse[id] = true;
            token = Replace(token);
            if (_hasFallback && FallbackByte(token) is { } value)
            {
                fallbackBytes[id] = true;
                token = [value];
            }

            contributions[id] = _isByteLevel ? ByteAlphabet.Read(token) : token;
        }

        var assembly = _isSpaced ? TextAssembly.Spaced : _isByteLevel ? TextAssembly.Bytes : TextAssembly.Fallback;
        return new TokenDecoder(new TokenBytes(contributions), inUse, special, fallbackBytes, assembly, _leadingCharacter, _mostLeading);
    }

    private void ReadStep(JsonField field)
    {
        var type = field["type"];
        switch (type.String())
        {
            case "Sequence":
                foreach (var step in field["decoders"].Items())
                {
                    ReadStep(step);
                }

                break;
            case "ByteLevel" when !_isFused && !_hasFallback:
                _isByteLevel = _isFused = true;
                break;
            case "Replace" when !_isFused && !_hasFallback:
                _replacements.Add(TokenizerFile.ReadReplace(field));
                break;
            case "ByteFallback" when !_isFused:
                _hasFallback = true;
                break;
            case "Fuse":
                _isFused = true;
                break;
            case "Strip" when _isFused && _mostLeading == 0:
                ReadStrip(field);
                break;
            case "ByteLevel" or "Replace" or "ByteFallback" or "Strip":
                throw type.Refuse("stands at a place in the decoder where it is not supported", "The order is Replace, ByteFallback, Fuse, Strip, or Replace, ByteLevel");
            default:
                throw type.Refuse("is not a decoder that is supported (ByteLevel, ByteFallback, Fuse, Replace, Sequence, Strip are)", TokenizerFile.UseKnown);
        }
    }

    private void ReadStrip(JsonField field)
    {
        const int MostStripped = 1000;
        var content = field["content"];
        _leadingCharacter = content.String() is [var character] ? character : throw content.Refuse("is not one character", "Write one");
        _mostLeading = field["start"].Count(MostStripped);
        if (field["stop"].Count(MostStripped) != 0)
        {
            throw field["stop"].Refuse("would strip the end, which is not supported", "Set it to 0");
        }
    }

    private byte[] Replace(byte[] token)
    {
        foreach (var replacement in _replacements)
        {
            var output = new ArrayBufferWriter<byte>(token.Length + 1);
            replacement.Apply(token, output);
            token = output.WrittenSpan.ToArray();
        }

        return token;
    }

    private static byte? FallbackByte(byte[] token) =>
        token is [(byte)'<', (byte)'0', (byte)'x', _, _, (byte)'>'] &&
        byte.TryParse(Encoding.ASCII.GetString(token.AsSpan(3, 2)), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value
            : null;
}
