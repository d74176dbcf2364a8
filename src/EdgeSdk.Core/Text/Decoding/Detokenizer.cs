using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace EdgeSdk.Text;

/// <summary>Decodes a stream of ids. The joined results equal <see cref="Tokenizer.Decode"/> of all ids, and no result ends within a character.</summary>
/// <remarks>For one stream and one thread at a time.</remarks>
public sealed class Detokenizer
{
    private readonly TokenDecoder _decoder;
    private readonly bool _skipSpecialTokens;
    private readonly TextSink _text = new();
    private readonly DecoderStage _stages;
    private bool _isFirst = true;

    internal Detokenizer(TokenDecoder decoder, bool skipSpecialTokens)
    {
        _decoder = decoder;
        _skipSpecialTokens = skipSpecialTokens;
        _stages = decoder.Open(_text);
    }

    /// <summary>Takes in <paramref name="id"/>; gives the text that is certain by now, possibly none. An id outside the vocabulary gives nothing.</summary>
    public string Append(int id)
    {
        Add(id);
        return _text.TakeWhole();
    }

    /// <summary>Ends the stream: gives what was held back. The detokenizer can then be used for another stream.</summary>
    public string Flush()
    {
        _stages.End();
        _isFirst = true;
        return _text.TakeAll();
    }

    /// <summary>The text of a whole stream.</summary>
    internal string Decode(ReadOnlySpan<int> ids)
    {
        foreach (int id in ids)
            Add(id);

        return Flush();
    }

    private void Add(int id)
    {
        if (!_decoder.Has(id) || (_skipSpecialTokens && _decoder.Special[id]))
            return;

        _stages.Add(_isFirst ? _decoder.SpeltFirst(id) : _decoder.Spelt[id]);
        _isFirst = false;
    }

    /// <summary>Where a stream's bytes end up.</summary>
    private sealed class TextSink : DecoderStage
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();
        private readonly byte[] _open = new byte[4];

        public override void Add(ReadOnlySpan<byte> token) => _bytes.Write(token);

        public override void End()
        {
        }

        /// <summary>The whole characters; what may be the start of another one stays.</summary>
        public string TakeWhole()
        {
            if (_bytes.WrittenCount == 0)
                return "";

            char[] characters = ArrayPool<char>.Shared.Rent(_bytes.WrittenCount);
            Utf8.ToUtf16(_bytes.WrittenSpan, characters, out int read, out int written, replaceInvalidSequences: true, isFinalBlock: false);
            string text = new(characters, 0, written);
            ArrayPool<char>.Shared.Return(characters);

            var open = _open.AsSpan(0, _bytes.WrittenCount - read);
            _bytes.WrittenSpan[read..].CopyTo(open);
            _bytes.ResetWrittenCount();
            _bytes.Write(open);
            return text;
        }

        /// <summary>Everything.</summary>
        public string TakeAll()
        {
            string text = Encoding.UTF8.GetString(_bytes.WrittenSpan);
            _bytes.ResetWrittenCount();
            return text;
        }
    }
}
